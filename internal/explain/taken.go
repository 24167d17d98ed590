package explain

import (
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Taken is what pods that are alike take. Its Workload says nothing of what they send.
type Taken struct {
	Pods *model.Workload
	Workload
}

// TakenByAll returns what each of the workloads takes, in their order.
func TakenByAll(views *mesh.Views, workloads []*model.Workload) []Taken {
	whole := views.Of("")
	byRevision := map[string]*view{}
	all := make([]Taken, 0, len(workloads))
	for _, w := range workloads {
		revision, _ := mesh.ServedBy(whole, w)
		if byRevision[revision] == nil {
			byRevision[revision] = withPolicies(views.Of(revision))
		}
		all = append(all, Taken{Pods: w, Workload: byRevision[revision].taken(w)})
	}
	return all
}
