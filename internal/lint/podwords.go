package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// podWords counts the pods and names one: the first by name, so that the words do not depend on any order.
func podWords(workloads []model.Workload) string {
	count := pods.Count(workloads)
	if count == 1 {
		return "pod " + onePod(workloads)
	}
	return fmt.Sprintf("%d pods (%s is one)", count, onePod(workloads))
}

func onePod(workloads []model.Workload) string {
	first := firstPod(workloads)
	return first.Namespace + "/" + first.Example
}

func firstPod(workloads []model.Workload) model.Workload {
	return slices.MinFunc(workloads, byPodName)
}

func byPodName(a, b model.Workload) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Example, b.Example))
}

// declaresPort says whether a container of the pods declares the port.
func declaresPort(w model.Workload, port int32) bool {
	return slices.ContainsFunc(w.Ports, func(p model.ContainerPort) bool { return p.Number == port })
}
