package intent

import (
	"cmp"
	"slices"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// allowed reports whether the floors above the policy let it declare the mode for the ports; 0 is the workload as a whole. The mesh's
// floors bind namespaces, a namespace's also its workloads.
func (w World) allowed(p *meshtlsv1alpha1.MeshTLSPolicy, mode meshtlsv1alpha1.AcceptMode, ports []int32) bool {
	if mode == meshtlsv1alpha1.AcceptInherit {
		return true
	}
	for _, above := range w.Policies {
		binds := above.Spec.Accept != nil && w.reachOf(above) > w.reachOf(p) && (above.Namespace == p.Namespace || above.Namespace == w.Root)
		if binds && strictness(mode) < strictness(meshtlsv1alpha1.AcceptMode(above.Spec.Accept.Floor)) && !w.excepted(above, p, ports) {
			return false
		}
	}
	return true
}

// excepted reports whether an exception of the floor is for the policy and all of the ports, and has not ended.
func (w World) excepted(above, p *meshtlsv1alpha1.MeshTLSPolicy, ports []int32) bool {
	return slices.ContainsFunc(above.Spec.Accept.FloorExceptions, func(e meshtlsv1alpha1.FloorException) bool {
		others := slices.ContainsFunc(ports, func(port int32) bool { return !slices.Contains(e.Ports, port) })
		return e.Policy == p.Name && cmp.Or(e.Namespace, above.Namespace) == p.Namespace && e.Until >= w.Now.Format(time.DateOnly) &&
			(len(e.Ports) == 0 || !others)
	})
}
