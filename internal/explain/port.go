package explain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// limited leaves of the answer only what is asked about inbound connections. An error is the asker's: the port does not exist.
func limited(a Answer) (Answer, error) {
	ofService := slices.ContainsFunc(a.Workloads, func(w Workload) bool { return w.behind(a.Target, a.Question.Port).Len() > 0 })
	if err := checkPort(a, a.Question.Port); err != nil && !ofService {
		return Answer{}, err
	}
	for i := range a.Workloads {
		w := &a.Workloads[i]
		asked := sets.New(a.Question.Port)
		if ofService {
			asked = w.behind(a.Target, a.Question.Port)
		}
		w.limit(a.Question, asked)
	}
	return a, nil
}

// checkPort wants the port to be one of some of the pods.
func checkPort(answer Answer, port int32) error {
	if port == 0 {
		return nil
	}
	var known []string
	for _, w := range answer.Workloads {
		for _, p := range w.ports() {
			if p.number == port {
				return nil
			}
			known = append(known, p.String())
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if len(known) == 0 {
		return fmt.Errorf("nothing is known of port %d: the pods declare no port, and no Service leads to one", port)
	}
	return fmt.Errorf("nothing is known of port %d; the pods' ports are %s", port, strings.Join(known, ", "))
}

// podPort is a port of pods, with the Service ports that lead to it.
type podPort struct {
	number   int32
	services []ServicePort
}

// String reads like "8080 (Service port payments:80)".
func (p podPort) String() string {
	if len(p.services) == 0 {
		return fmt.Sprint(p.number)
	}
	return fmt.Sprintf("%d (Service port %s:%d)", p.number, p.services[0].Service, p.services[0].Port)
}

// ports returns the ports that can be asked for.
func (w Workload) ports() []podPort {
	var all []podPort
	for _, in := range w.Inbound {
		if in.Port != 0 {
			all = append(all, podPort{number: in.Port, services: in.Services})
		}
	}
	for _, l := range w.Listeners {
		all = append(all, podPort{number: l.Port, services: l.Services})
		for _, s := range l.Servers {
			if s.Port != l.Port {
				all = append(all, podPort{number: s.Port})
			}
		}
	}
	return all
}

// behind returns the pods' ports to which the Service's port leads; none where the target is no Service, or has no such port.
func (w Workload) behind(target model.ObjectRef, port int32) sets.Set[int32] {
	numbers := sets.New[int32]()
	leads := func(s ServicePort) bool {
		return s.Port == port && model.ObjectRef{Kind: kindService, Namespace: s.Namespace, Name: s.Service} == target
	}
	for _, p := range w.ports() {
		if slices.ContainsFunc(p.services, leads) {
			numbers.Insert(p.number)
		}
	}
	return numbers
}

// limit leaves only what is asked about inbound connections. Of a gateway users know the port by the Gateway's number too.
func (w *Workload) limit(q Question, asked sets.Set[int32]) {
	if !q.Inbound() {
		w.Inbound, w.Ignored, w.Listeners, w.Dropped = nil, nil, nil, nil
	}
	if q.Port == 0 {
		return
	}
	w.Inbound = slices.DeleteFunc(w.Inbound, func(in Inbound) bool { return !asked.Has(in.Port) })
	w.Listeners = slices.DeleteFunc(w.Listeners, func(l Listener) bool {
		return !asked.Has(l.Port) && !slices.ContainsFunc(l.Servers, func(s Server) bool { return asked.Has(s.Port) })
	})
	w.Dropped = slices.DeleteFunc(w.Dropped, func(d Dropped) bool { return !asked.Has(d.podPort) && !asked.Has(d.Port) })
}
