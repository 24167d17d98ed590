package pods

import "github.com/meshtls/meshtls/internal/model"

// Namespaces are the workloads of each namespace, indexed.
type Namespaces map[string]Index

// ByNamespace indexes the workloads of each namespace.
func ByNamespace(workloads []*model.Workload) Namespaces {
	apart := map[string][]*model.Workload{}
	for _, w := range workloads {
		apart[w.Namespace] = append(apart[w.Namespace], w)
	}
	indexed := make(Namespaces, len(apart))
	for namespace, own := range apart {
		indexed[namespace] = NewIndex(own)
	}
	return indexed
}

// Selected returns the workloads of the namespace that have the labels; no labels: all of them.
func (n Namespaces) Selected(namespace string, labels map[string]string) []*model.Workload {
	index, any := n[namespace]
	if !any {
		return nil
	}
	return index.Selected(labels)
}
