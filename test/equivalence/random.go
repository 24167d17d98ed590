package equivalence

import (
	"bytes"
	"context"
	"math/rand/v2"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/worlds"
)

// Random returns the world of a seed, as manifests, in which somebody else wrote what the operator would write for the world's policies,
// with changes. Most of it can be said as a policy: it was one.
func Random(ctx context.Context, seed uint64) ([]byte, error) {
	cluster, policies := worlds.Random(seed)
	world := append([]client.Object{}, cluster...)
	for _, p := range policies {
		if source.Admit(ctx, p) == nil {
			world = append(world, p)
		}
	}
	stream, err := worlds.YAML(world)
	if err != nil {
		return nil, err
	}
	reader, err := source.Read(ctx, []string{source.Stdin}, source.Options{Stdin: bytes.NewReader(stream)})
	if err != nil {
		return nil, err
	}
	operated, err := settled(ctx, reader)
	if err != nil {
		return nil, err
	}
	c := changer{rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable on purpose
	for _, o := range written(operated) {
		c.change(o)
		cluster = append(cluster, o)
	}
	return worlds.YAML(cluster)
}

// changer makes objects of ours somebody else's.
type changer struct{ *rand.Rand }

func (c changer) change(o model.Object) {
	labels := o.GetLabels()
	delete(labels, meshtlsv1alpha1.LabelManagedBy)
	o.SetLabels(labels)
	o.SetOwnerReferences(nil)
	o.SetCreationTimestamp(metav1.Unix(1_700_000_000+c.Int64N(5), 0))
	switch object := o.(type) {
	case *istionetworkingv1.DestinationRule:
		c.rule(&object.Spec)
	case *istionetworkingv1.Gateway:
		c.gateway(&object.Spec)
	}
}

// rule gives some rules what a policy cannot say.
func (c changer) rule(rule *networkingapi.DestinationRule) {
	switch c.IntN(8) {
	case 0:
		if rule.TrafficPolicy != nil {
			rule.TrafficPolicy.OutlierDetection = &networkingapi.OutlierDetection{MaxEjectionPercent: 50}
		}
	case 1:
		rule.Subsets = []*networkingapi.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}}
	case 2:
		if rule.WorkloadSelector == nil {
			exports := [][]string{{"."}, {"*"}, {"shop"}, {"shop", "bank"}, nil}
			rule.ExportTo = exports[c.IntN(len(exports))]
		}
	}
}

// gateway gives some servers what no policy may say.
func (c changer) gateway(gateway *networkingapi.Gateway) {
	if c.IntN(4) > 0 {
		return
	}
	if tls := gateway.Servers[c.IntN(len(gateway.Servers))].Tls; tls != nil {
		tls.CipherSuites = append(tls.CipherSuites, "NONE")
	}
}
