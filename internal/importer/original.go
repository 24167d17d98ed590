package importer

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// original is the mesh that is imported from, with the objects of others split from the operator's.
type original struct {
	model.Inventory
	// unchanged is the mesh without any candidate, once the operator has come to rest.
	unchanged     *projection
	policies      []*meshtlsv1alpha1.MeshTLSPolicy
	foreign, ours model.Objects
	// destinations are what Services and ServiceEntries declare.
	destinations destinations.Index
}

// domain returns the cluster's: what the names of its Services end in.
func (m *original) domain() hosts.Domain { return hosts.Domain(m.Mesh.ClusterDomain) }

// newOriginal returns the mesh of the input. An error is compile.ErrRestless.
func newOriginal(in Input) (*original, error) {
	m := &original{Inventory: in.Mesh, policies: in.Policies}
	m.foreign.PeerAuthentications, m.ours.PeerAuthentications = apart(in.Mesh.PeerAuthentications)
	m.foreign.DestinationRules, m.ours.DestinationRules = apart(in.Mesh.DestinationRules)
	m.foreign.Gateways, m.ours.Gateways = apart(in.Mesh.Gateways)
	m.destinations = destinations.NewIndex(in.Mesh)
	var err error
	m.unchanged, err = m.projected(nil)
	return m, err
}

// apart returns the objects that others wrote, oldest first, and those that the operator writes.
func apart[T metav1.Object](all []T) (foreign, ours []T) {
	for _, o := range istio.OldestFirst(all) {
		if model.Ours(o) {
			ours = append(ours, o)
		} else {
			foreign = append(foreign, o)
		}
	}
	return foreign, ours
}

// declares reports whether a Service or a ServiceEntry of the namespace declares the host, or of any namespace if it is empty.
func (m *original) declares(namespace, host string) bool {
	return slices.ContainsFunc(m.destinations.Of(host), func(d *destinations.Destination) bool {
		return namespace == "" || d.Namespace == namespace
	})
}

// revisions returns the control plane revisions that objects or policies name, and the default one.
func (m *original) revisions() []string {
	named := sets.New("")
	for _, o := range slices.Concat(m.foreign.All(), m.ours.All()) {
		named.Insert(o.GetLabels()[meshtlsv1alpha1.LabelRevision])
	}
	for _, p := range m.policies {
		named.Insert(p.Labels[meshtlsv1alpha1.LabelRevision])
	}
	return sets.List(named)
}

// anyNamespace is one of which nothing is known: its clients stand for those of namespaces that are not in the inventory. No
// namespace can have this name.
const anyNamespace = "any namespace"

// namespaces returns the namespaces that hold any object, and the root namespace.
func (m *original) namespaces() []string {
	found := sets.New(m.Mesh.RootNamespace)
	for _, n := range m.Namespaces {
		found.Insert(n.Name)
	}
	for _, s := range m.Services {
		found.Insert(s.Namespace)
	}
	for _, w := range m.Workloads {
		found.Insert(w.Namespace)
	}
	for _, o := range slices.Concat(m.foreign.All(), m.ours.All()) {
		found.Insert(o.GetNamespace())
	}
	return sets.List(found)
}

// revisionOf returns the label that a policy carries over from its object, with its key; nil: none.
func revisionOf(o metav1.Object) map[string]string {
	revision, named := o.GetLabels()[meshtlsv1alpha1.LabelRevision]
	if !named {
		return nil
	}
	return map[string]string{meshtlsv1alpha1.LabelRevision: revision}
}

func refOf(kind string, o metav1.Object) model.ObjectRef {
	return model.ObjectRef{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// selectorKey returns a text that tells selectors apart.
func selectorKey(labels map[string]string) string {
	key := ""
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		key += k + "=" + labels[k] + ","
	}
	return key
}

// grouped puts the objects together by key; the groups are in the order of their first, as are their objects.
func grouped[T any, K comparable](objects []T, keyOf func(T) K) [][]T {
	at := map[K]int{}
	var groups [][]T
	for _, o := range objects {
		key := keyOf(o)
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}
