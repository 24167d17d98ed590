package traffic

import (
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Governed returns the pods of which nothing narrower than the namespace says what they accept, and whose proxies tell of their calls; an
// empty namespace stands for the mesh.
func Governed(v *mesh.View, namespace string) []*model.Workload {
	example := &model.Workload{Namespace: namespace, Dataplane: model.DataplaneSidecar}
	if namespace == "" {
		example.Namespace = v.Mesh().RootNamespace
	}
	decided := v.Accept(example).Workload.Origin.Object
	return slices.DeleteFunc(slices.Clone(v.Workloads()), func(w *model.Workload) bool {
		elsewhere := namespace != "" && w.Namespace != namespace
		return elsewhere || !Reports(w) || v.Accept(w).Workload.Origin.Object != decided
	})
}

// ByNamespace groups workloads by their namespaces, in order.
func ByNamespace(workloads []*model.Workload) [][]*model.Workload {
	ordered := slices.Clone(workloads)
	slices.SortStableFunc(ordered, func(a, b *model.Workload) int { return strings.Compare(a.Namespace, b.Namespace) })
	var groups [][]*model.Workload
	for _, w := range ordered {
		if last := len(groups) - 1; last >= 0 && groups[last][0].Namespace == w.Namespace {
			groups[last] = append(groups[last], w)
			continue
		}
		groups = append(groups, []*model.Workload{w})
	}
	return groups
}
