package gather

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	// Missing are the Istio kinds whose CRD the cluster lacks. They are not read.
	Missing sets.Set[string]
	// CredentialNamespaces are the namespaces whose Secrets may be read. Empty: none, as is the operator's default.
	CredentialNamespaces sets.Set[string]
	// Now is when a snapshot is taken, for the credentials in it: certificates expire. Zero: it holds none.
	Now metav1.Time
}

// gathering is the making of one snapshot.
type gathering struct {
	reader    client.Reader
	namespace string
	options   Options
	// namesPods says that workloads list their pods.
	namesPods bool
	// namespaces remembers the labels of the namespaces that were asked for.
	namespaces map[string]model.Namespace
}

// Snapshot reads everything that the compile of the namespace depends on: a partial inventory. The same cluster gives the same
// snapshot.
func Snapshot(ctx context.Context, reader client.Reader, namespace string, options Options) (model.Snapshot, error) {
	g := newGathering(reader, namespace, options)
	s := model.Snapshot{Namespace: namespace}
	s.Partial = true
	// The order matters: what is read of the mesh and of the policies decides what else is read.
	for _, read := range []func(context.Context, *model.Snapshot) error{
		g.readMesh,
		g.readPolicies,
		g.readServices,
		g.readWorkloads,
		g.readGatewayPods,
		g.readHosts,
		g.readIstioObjects,
		g.readElsewhere,
		g.readGatewayServices,
		g.readRoutes,
		g.readCallsOfServices,
		g.readNamedCredentials,
	} {
		if err := read(ctx, &s); err != nil {
			return model.Snapshot{}, fmt.Errorf("gathering namespace %s: %w", namespace, err)
		}
	}
	s.Namespaces = slices.SortedFunc(maps.Values(g.namespaces), func(a, b model.Namespace) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// Snapshots are those of all namespaces that have policies.
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

func newGathering(reader client.Reader, namespace string, options Options) *gathering {
	if options.IstioNamespace == "" {
		options.IstioNamespace = DefaultIstioNamespace
	}
	return &gathering{reader: reader, namespace: namespace, options: options, namespaces: map[string]model.Namespace{}}
}

// list reads a list without copying its objects: a snapshot is only looked at.
func (g *gathering) list(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	return list(ctx, g.reader, into, options...)
}

func list(ctx context.Context, reader client.Reader, into client.ObjectList, options ...client.ListOption) error {
	if err := reader.List(ctx, into, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return fmt.Errorf("listing %T: %w", into, err)
	}
	return nil
}

// get reads an object, and says whether there is one.
func (g *gathering) get(ctx context.Context, namespace, name string, into client.Object) (bool, error) {
	err := g.reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("getting %T %s/%s: %w", into, namespace, name, err)
	}
	return err == nil, nil
}

// missing says whether the cluster does not know the Istio kind.
func (g *gathering) missing(kind string) bool {
	return g.options.Missing.Has(kind)
}
