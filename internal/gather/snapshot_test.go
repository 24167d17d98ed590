package gather_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// world reads a cluster that is written down.
func world(t *testing.T, text string) client.Reader {
	t.Helper()
	var paths []string
	if text != "" {
		paths = []string{source.Stdin}
	}
	reader, err := source.Read(t.Context(), paths, source.Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// snapshot gathers namespace shop of the cluster.
func snapshot(t *testing.T, text string) model.Snapshot {
	t.Helper()
	return snapshotOf(t, world(t, text), "shop", gather.Options{})
}

func snapshotOf(t *testing.T, reader client.Reader, namespace string, options gather.Options) model.Snapshot {
	t.Helper()
	s, err := gather.Snapshot(t.Context(), reader, namespace, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	policyA = `{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: shop}, spec: {accept: {mode: Strict}}}`
	meshA   = `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: "rootNamespace: a"}}`
)

func TestSnapshotPolicies(t *testing.T) {
	elsewhere := func(namespace string) string {
		return "\n---\n" + strings.Replace(policyA, "namespace: shop", "namespace: "+namespace, 1)
	}
	tests := map[string]struct {
		world            string
		want, wantOfRoot []string
	}{
		"none": {},
		"those of the namespace, by name": {
			world: strings.Replace(policyA, "name: a", "name: b", 1) + "\n---\n" + policyA + elsewhere("bank"),
			want:  []string{"shop/a", "shop/b"},
		},
		"those of the root namespace apart": {
			world:      policyA + elsewhere("istio-system"),
			want:       []string{"shop/a"},
			wantOfRoot: []string{"istio-system/a"},
		},
		"in the root namespace they are its own": {
			world: policyA + "\n---\n" + strings.Replace(meshA, "rootNamespace: a", "rootNamespace: shop", 1),
			want:  []string{"shop/a"},
		},
		"not those that are being deleted": {
			world: strings.Replace(policyA, "name: a", `name: b, deletionTimestamp: "2026-01-01T00:00:00Z"`, 1) + "\n---\n" + policyA,
			want:  []string{"shop/a"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := snapshot(t, tc.world)
			if diff := cmp.Diff(tc.want, policyNames(s.Policies)); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantOfRoot, policyNames(s.RootPolicies)); diff != "" {
				t.Errorf("root policies (-want +got):\n%s", diff)
			}
		})
	}
}

func policyNames(policies []*meshtlsv1alpha1.MeshTLSPolicy) []string {
	var names []string
	for _, policy := range policies {
		names = append(names, client.ObjectKeyFromObject(policy).String())
	}
	return names
}

func TestSnapshotServices(t *testing.T) {
	got := snapshot(t, `
{apiVersion: v1, kind: Service, metadata: {name: b, namespace: shop}, spec: {selector: {app: b}, ports: [
  {name: http, port: 80, targetPort: web}, {name: metrics, port: 9090, targetPort: 9091}, {name: same, port: 70},
  {name: dns, port: 53, protocol: UDP}, {name: sctp, port: 54, protocol: SCTP}, {name: tcp, port: 55, protocol: TCP}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {}}
---
{apiVersion: v1, kind: Service, metadata: {name: external, namespace: shop}, spec: {type: ExternalName, externalName: a.example, selector: {app: a}}}
---
{apiVersion: v1, kind: Service, metadata: {name: elsewhere, namespace: bank}, spec: {}}
`).Services
	want := []model.Service{
		{Namespace: "shop", Name: "a"},
		{
			Namespace: "shop", Name: "b", Selector: map[string]string{"app": "b"},
			Ports: []model.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("web"), Protocol: "HTTP"},
				{Name: "metrics", Port: 9090, TargetPort: intstr.FromInt32(9091)},
				{Name: "same", Port: 70, TargetPort: intstr.FromInt32(70)},
				{Name: "tcp", Port: 55, TargetPort: intstr.FromInt32(55), Protocol: "TCP"},
			},
			OtherPorts: []int32{53, 54},
		},
		{Namespace: "shop", Name: "external", External: true, ExternalName: "a.example"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

var istioObjects = `
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: b, namespace: shop}, spec: {mtls: {mode: STRICT}}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a, namespace: shop}, spec: {}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: c, namespace: bank}, spec: {}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d, namespace: shop}, spec: {host: a}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: shop}, spec: {selector: {app: a}}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: s, namespace: shop}, spec: {hosts: [api.example]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop}, spec: {hosts: [a.example], gateways: [` + render.GatewayName("g") + `]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: g, namespace: shop}, spec: {gateway: {service: edge}, plaintext: [{port: 80, hosts: [a.example]}]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: a, namespace: shop}, spec: {send: [{hosts: [api.example], mode: Simple}]}}
`

func TestSnapshotIstioObjects(t *testing.T) {
	tests := map[string]struct {
		missing sets.Set[string]
		want    []string
	}{
		"all kinds are there":    {want: []string{"PeerAuthentication a", "PeerAuthentication b", "DestinationRule d", "Gateway g", "ServiceEntry s", "VirtualService v"}},
		"no PeerAuthentications": {missing: sets.New(model.KindPeerAuthentication), want: []string{"DestinationRule d", "Gateway g", "ServiceEntry s", "VirtualService v"}},
		"no DestinationRules":    {missing: sets.New(model.KindDestinationRule), want: []string{"PeerAuthentication a", "PeerAuthentication b", "Gateway g", "ServiceEntry s", "VirtualService v"}},
		"no Gateways":            {missing: sets.New(model.KindGateway), want: []string{"PeerAuthentication a", "PeerAuthentication b", "DestinationRule d", "ServiceEntry s", "VirtualService v"}},
		"no ServiceEntries":      {missing: sets.New(model.KindServiceEntry), want: []string{"PeerAuthentication a", "PeerAuthentication b", "DestinationRule d", "Gateway g", "VirtualService v"}},
		"no VirtualServices":     {missing: sets.New(model.KindVirtualService), want: []string{"PeerAuthentication a", "PeerAuthentication b", "DestinationRule d", "Gateway g", "ServiceEntry s"}},
		"Istio is not installed here": {missing: sets.New(model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway,
			model.KindServiceEntry, model.KindVirtualService)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader := lacking{Reader: world(t, istioObjects), kinds: tc.missing}
			s := snapshotOf(t, reader, "shop", gather.Options{Missing: tc.missing})
			if diff := cmp.Diff(tc.want, istioNames(s)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

// lacking is a cluster that does not know some of Istio's kinds.
type lacking struct {
	client.Reader
	kinds sets.Set[string]
}

func (l lacking) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	if l.kinds.Has(kindOf(into)) {
		return errors.New("no such kind")
	}
	return l.Reader.List(ctx, into, options...)
}

// kindOf returns the Istio kind of the list; empty: it is none of Istio's.
func kindOf(list client.ObjectList) string {
	switch list.(type) {
	case *verbatim.PeerAuthenticationList:
		return model.KindPeerAuthentication
	case *verbatim.DestinationRuleList:
		return model.KindDestinationRule
	case *verbatim.GatewayList:
		return model.KindGateway
	case *istionetworkingv1.ServiceEntryList:
		return model.KindServiceEntry
	case *istionetworkingv1.VirtualServiceList:
		return model.KindVirtualService
	default:
		return ""
	}
}

func istioNames(s model.Snapshot) []string {
	var names []string
	for _, o := range s.PeerAuthentications {
		names = append(names, "PeerAuthentication "+o.Name)
	}
	for _, o := range s.DestinationRules {
		names = append(names, "DestinationRule "+o.Name)
	}
	for _, o := range s.Gateways {
		names = append(names, "Gateway "+o.Name)
	}
	for _, o := range s.ServiceEntries {
		names = append(names, "ServiceEntry "+o.Name)
	}
	for _, o := range s.VirtualServices {
		names = append(names, "VirtualService "+o.Name)
	}
	return names
}

func TestSnapshotSaysWhatItCouldNotRead(t *testing.T) {
	reader := lacking{Reader: world(t, istioObjects), kinds: sets.New(model.KindGateway)}
	_, err := gather.Snapshot(t.Context(), reader, "shop", gather.Options{})
	if want := "gathering namespace shop: listing *verbatim.GatewayList: no such kind"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// samples returns the largest world there is.
func samples(t *testing.T) *source.Reader {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{"../../config/samples"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestSnapshotIsTheSameEachTime(t *testing.T) {
	reader := samples(t)
	for _, namespace := range namespaces(t, reader) {
		first := snapshotOf(t, reader, namespace, gather.Options{})
		second := snapshotOf(t, reversed{reader}, namespace, gather.Options{})
		if diff := cmp.Diff(first, second, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("namespace %s (-first +in another order):\n%s", namespace, diff)
		}
	}
}

// reversed lists in another order, as a cache does, which has none.
type reversed struct{ client.Reader }

func (r reversed) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	err := r.Reader.List(ctx, into, options...)
	switch list := into.(type) {
	case *corev1.PodList:
		slices.Reverse(list.Items)
	case *corev1.ServiceList:
		slices.Reverse(list.Items)
	case *corev1.ConfigMapList:
		slices.Reverse(list.Items)
	case *meshtlsv1alpha1.MeshTLSPolicyList:
		slices.Reverse(list.Items)
	case *istionetworkingv1.ServiceEntryList:
		slices.Reverse(list.Items)
	case *verbatim.DestinationRuleList:
		slices.Reverse(list.Items)
	case *verbatim.GatewayList:
		slices.Reverse(list.Items)
	case *istionetworkingv1.VirtualServiceList:
		slices.Reverse(list.Items)
	case *verbatim.PeerAuthenticationList:
		slices.Reverse(list.Items)
	case *admissionregistrationv1.MutatingWebhookConfigurationList:
		slices.Reverse(list.Items)
	case *admissionregistrationv1.ValidatingWebhookConfigurationList:
		slices.Reverse(list.Items)
	}
	return err
}

func TestSnapshotChangesNothing(t *testing.T) {
	reader := samples(t)
	before := everything(t, reader)
	for _, namespace := range namespaces(t, reader) {
		snapshotOf(t, reader, namespace, gather.Options{})
	}
	if diff := cmp.Diff(before, everything(t, reader), protocmp.Transform()); diff != "" {
		t.Errorf("the reader's objects (-before +after):\n%s", diff)
	}
}

// everything copies what the reader holds of the kinds that are gathered.
func everything(t *testing.T, reader client.Reader) []client.ObjectList {
	t.Helper()
	all := []client.ObjectList{
		&corev1.PodList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.NamespaceList{}, &meshtlsv1alpha1.MeshTLSPolicyList{},
		&istionetworkingv1.ServiceEntryList{}, &verbatim.DestinationRuleList{}, &verbatim.GatewayList{},
		&istionetworkingv1.VirtualServiceList{}, &verbatim.PeerAuthenticationList{},
		&admissionregistrationv1.MutatingWebhookConfigurationList{}, &admissionregistrationv1.ValidatingWebhookConfigurationList{},
	}
	for _, list := range all {
		if err := reader.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func namespaces(t *testing.T, reader client.Reader) []string {
	t.Helper()
	all, err := gather.Namespaces(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("got namespaces %q, want several", all)
	}
	return all
}
