package calls

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// ourFacts returns what internal/mesh says of all calls of sidecars and gateways.
// It leaves out the ports that asked does not hold, by client and called port.
func ourFacts(v *mesh.View, asked map[string]bool) facts {
	found := facts{}
	for _, w := range v.Workloads() {
		if !mesh.ReadsRules(w) {
			continue
		}
		for _, pod := range w.Pods {
			client := w.Namespace + "/" + pod.Name
			if w.Gateway {
				for _, c := range v.GatewayCalls(w) {
					putOutcomes(v, found, client, itsServers, c)
				}
				continue
			}
			for _, called := range v.Callable(w.Namespace) {
				if !asked[client+" "+fmt.Sprintf("%s:%d", called.Name, called.Port.Number)] {
					continue
				}
				for _, c := range v.CallsOf(w, called.Destination, called.Port) {
					putOutcomes(v, found, client, fmt.Sprintf("%s:%d", called.Name, called.Port.Number), c)
				}
			}
		}
	}
	return found
}

func putOutcomes(v *mesh.View, found facts, client, called string, c mesh.Call) {
	sent := fmt.Sprintf("%s:%d %s", c.Host, c.Number, c.Subset)
	for _, o := range v.Outcomes(c) {
		for _, server := range serversOf(o) {
			found.put(call{client: client, called: called, sent: sent, server: server}, string(o.Kind))
		}
	}
}

// serversOf names the pods, or the machine by its address; a server outside the mesh has no name.
func serversOf(o mesh.Outcome) []string {
	switch {
	case o.Server == nil && o.Kind != mesh.NoEndpoints && o.Call.Known() && o.Sent.Mode != "":
		return []string{outside}
	case o.Server == nil:
		return []string{nobody}
	}
	var names []string
	for _, pod := range o.Server.Pods {
		names = append(names, serverName(o.Server.Workload, pod.Name, o.Server.Port))
	}
	if len(names) == 0 {
		names = append(names, fmt.Sprintf("%s:%d", o.Server.Example, o.Server.Port))
	}
	return names
}

func serverName(w *model.Workload, pod string, port int32) string {
	return fmt.Sprintf("%s/%s:%d", w.Namespace, pod, port)
}
