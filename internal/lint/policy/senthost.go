package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// sentHost is one host of a send, with the destinations that it means.
type sentHost struct {
	subject  *subject
	send     *meshtlsv1alpha1.Send
	field    string
	host     string
	declared []model.Host
}

// sentHostsOf returns all hosts that the policies send to.
func sentHostsOf(w world) []sentHost {
	var all []sentHost
	for n := range w.subjects {
		s := &w.subjects[n]
		for i := range s.policy.Spec.Send {
			send := &s.policy.Spec.Send[i]
			for j, name := range send.Hosts {
				host := w.domain().Qualify(name, s.policy.Namespace)
				all = append(all, sentHost{
					subject: s, send: send, host: host, declared: w.hosts.declared(host),
					field: fmt.Sprintf("spec.send[%d].hosts[%d]", i, j),
				})
			}
		}
	}
	return all
}
