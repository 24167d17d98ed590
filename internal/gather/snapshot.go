package gather

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// DefaultIstioNamespace is where Istio's control plane lives unless told otherwise.
const DefaultIstioNamespace = "istio-system"

// Options say where Istio is and what there is of it.
type Options struct {
	// IstioNamespace is where the mesh config is. Empty: DefaultIstioNamespace.
	IstioNamespace string
	// RootNamespace overrides the root namespace of the mesh config. Empty: it does not.
	RootNamespace string
	// ClusterDomain ends the names of the cluster's Services. Empty: what Istio's injector is installed with, or else Istio's default.
	ClusterDomain string
	// Missing are the kinds that the cluster lacks or that may not be read. They are not read.
	Missing sets.Set[string]
	// Fields are those of versions.Fields that the cluster's CRDs have; nil: the CRDs could not be read.
	Fields sets.Set[string]
	// CredentialNamespaces are the namespaces whose Secrets may be read. Empty: none, as is the operator's default.
	CredentialNamespaces sets.Set[string]
	// Now is when a snapshot is taken: certificates expire, and exceptions from floors end. Zero: it holds no credentials, and nothing has
	// ended.
	Now metav1.Time
	// Files is what is known of manifests that are not all of a mesh; nil: all of it is read.
	Files *model.Files
	// Omitted are the fields that manifests leave out (model.Inventory).
	Omitted sets.Set[model.FieldRef]
	// Note is told of each read of a snapshot before it is made; nil: nobody is.
	Note func(Read)
}

// making is the snapshot that is made of a gathering.
type making struct {
	*gathering
	policies, rootPolicies []*meshtlsv1alpha1.MeshTLSPolicy
	// asked are the hosts whose destinations were read.
	asked sets.Set[string]
}

// Snapshot reads everything that the compile of the namespace depends on: a part of the inventory that answers as all of it does, to the
// questions that come up there. The same cluster gives the same snapshot.
func Snapshot(ctx context.Context, reader client.Reader, namespace string, options Options) (model.Snapshot, error) {
	m := &making{gathering: newGathering(reader, namespace, options), asked: sets.New[string]()}
	s, err := m.snapshot(ctx)
	if err != nil {
		return model.Snapshot{}, fmt.Errorf("gathering namespace %s: %w", namespace, err)
	}
	return s, nil
}

func (m *making) snapshot(ctx context.Context) (model.Snapshot, error) {
	// The order matters: what is read of the mesh and of the policies decides what else is read.
	for _, read := range []func(context.Context) error{
		m.readTags,
		m.readMesh,
		m.readPolicies,
		m.readOwn,
		m.readRoot,
		m.readGatewayTargets,
		m.readSent,
		m.readPassedThrough,
		m.readRoutes,
		m.readClients,
		m.readMerged,
		m.readListeners,
		m.readMergedRoutes,
		m.readCompeting,
		m.readLabels,
		m.readUndecoded,
	} {
		if err := read(ctx); err != nil {
			return model.Snapshot{}, err
		}
	}
	inventory, err := m.collected(ctx)
	if err != nil {
		return model.Snapshot{}, err
	}
	inventory.Now = m.options.Now
	s := model.Snapshot{Namespace: m.namespace, Policies: m.policies, RootPolicies: m.rootPolicies, Inventory: inventory}
	if err := m.readCallsOfServices(ctx, &s); err != nil {
		return model.Snapshot{}, err
	}
	err = m.readNamedCredentials(ctx, &s)
	return s, err
}

// Snapshots returns a snapshot of each namespace that has policies.
func Snapshots(ctx context.Context, reader client.Reader, options Options) ([]model.Snapshot, error) {
	namespaces, err := Namespaces(ctx, reader)
	if err != nil {
		return nil, err
	}
	snapshots := make([]model.Snapshot, 0, len(namespaces))
	for _, namespace := range namespaces {
		snapshot, err := Snapshot(ctx, reader, namespace, options)
		if err != nil {
			return nil, err
		}
		snapshots = append(snapshots, snapshot)
	}
	return snapshots, nil
}

// Namespaces returns the namespaces that have policies, in order.
func Namespaces(ctx context.Context, reader client.Reader) ([]string, error) {
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	if err := list(ctx, reader, &policies); err != nil {
		return nil, err
	}
	found := sets.New[string]()
	for i := range policies.Items {
		found.Insert(policies.Items[i].Namespace)
	}
	return sets.List(found), nil
}

// readOwn reads what is in the namespace.
func (m *making) readOwn(ctx context.Context) error {
	own := client.InNamespace(m.namespace)
	pods := own
	if m.governsMesh() {
		pods = client.InNamespace("")
	}
	return each(
		reads(ctx, &m.services, own), reads(ctx, &m.pods, own), reads(ctx, &m.pods, pods), reads(ctx, &m.endpointSlices, own),
		reads(ctx, &m.peerAuthentications, own), reads(ctx, &m.destinationRules, own), reads(ctx, &m.gateways, own),
		reads(ctx, &m.serviceEntries, own), reads(ctx, &m.workloadEntries, own), reads(ctx, &m.sidecars, own),
		reads(ctx, &m.authorizationPolicies, own),
		func() error { return m.readOthers(ctx, own) },
	)
}

// readRoot reads what the root namespace says for all others.
func (m *making) readRoot(ctx context.Context) error {
	root := client.InNamespace(m.mesh.RootNamespace)
	return each(
		reads(ctx, &m.peerAuthentications, root), reads(ctx, &m.destinationRules, root), reads(ctx, &m.sidecars, root),
		func() error { return m.readOthers(ctx, root) },
	)
}

// readLabels reads the labels of the namespaces that anything was read from, where it depends on them whether the control plane sees it.
func (m *making) readLabels(ctx context.Context) error {
	if len(m.mesh.DiscoverySelectors) == 0 {
		return nil
	}
	namespaces := sets.New(m.namespace, m.mesh.RootNamespace)
	addNamespaces(namespaces, m.services.all)
	addNamespaces(namespaces, m.pods.all)
	addNamespaces(namespaces, m.serviceEntries.all)
	addNamespaces(namespaces, m.workloadEntries.all)
	addNamespaces(namespaces, m.destinationRules.all)
	addNamespaces(namespaces, m.gateways.all)
	addNamespaces(namespaces, m.virtualServices.all)
	addNamespaces(namespaces, m.ingresses.all)
	for _, name := range sets.List(namespaces) {
		if _, err := m.labelsOf(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func addNamespaces[T client.Object](namespaces sets.Set[string], objects map[client.ObjectKey]T) {
	for key := range objects {
		namespaces.Insert(key.Namespace)
	}
}

// each makes the reads in turn, until one fails.
func each(reads ...func() error) error {
	for _, read := range reads {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// podsWith reads the pods that have all the labels, of a namespace or of all.
func (m *making) podsWith(ctx context.Context, namespace string, labels map[string]string) ([]*corev1.Pod, error) {
	return m.pods.read(ctx, client.InNamespace(namespace), client.MatchingFields{IndexPodLabel: labelPairs(labels)[0]},
		client.MatchingLabels(labels))
}
