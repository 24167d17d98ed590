package screens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
)

// drained says which open connections end with the change: Envoy ends those of a filter chain that goes, and all of the listener where it
// is replaced.
func (c transition) drained() []string {
	var changed []string
	whole := false
	for _, e := range c.ports {
		if e.Before == e.After {
			continue
		}
		if e.Port == 0 || !c.declaresProtocol(e.Port) {
			whole = true
			continue
		}
		changed = append(changed, fmt.Sprint(e.Port))
	}
	pods := c.of.line().Pods
	switch {
	case !c.of.sidecars():
		return nil
	case whole:
		return []string{fmt.Sprintf("Every open connection to %s ends within 45 seconds, and clients connect anew: "+
			"the sidecar replaces its whole inbound listener.", counted(pods))}
	case len(changed) > 0:
		return []string{fmt.Sprintf("Open connections to port %s of %s end within 45 seconds, and clients connect anew. "+
			"Other ports keep theirs.", strings.Join(changed, ", "), counted(pods))}
	default:
		return nil
	}
}

// counted names the pods.
func counted(pods int) string {
	if pods == 1 {
		return "the pod"
	}
	return fmt.Sprintf("the %d pods", pods)
}

// declaresProtocol reports whether the port is declared to carry something, so that the sidecar need not look.
func (c transition) declaresProtocol(number int32) bool {
	ports := c.before.ServicePorts(c.of.pods()...)
	return slices.ContainsFunc(ports, func(s mesh.ServicePort) bool { return s.Target == number && s.Protocol != "" })
}

// sidecars reports whether some of the pods have a sidecar.
func (n named) sidecars() bool {
	return slices.ContainsFunc(n.taken, func(t explain.Taken) bool { return t.Proxy == explain.ProxySidecar })
}
