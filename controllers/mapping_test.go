package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/render"
)

// readerOf is a reader with gather's indexes over some objects.
func readerOf(objects ...client.Object) client.Reader {
	builder := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(objects...)
	for _, index := range gather.Indexes {
		builder = builder.WithIndex(index.Object, index.Field, index.Extract)
	}
	return builder.Build()
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// world has policies in three namespaces: shop accepts, client sends to the Service cart of shop and to *.example, and edge
// has two gateways, by labels, with the credential edge-cert, and by the Service ingress.
func world() []client.Object {
	accepts := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("shop", "accepts")}
	accepts.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict}
	sends := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("client", "sends")}
	sends.Spec.Send = []meshtlsv1alpha1.Send{{Hosts: []string{"cart.shop.svc.cluster.local", "*.example"}}}
	gateway := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("edge", "gateway")}
	gateway.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{
		MatchLabels: map[string]string{"istio": "ingress", "tier": "edge"},
	}}
	gateway.Spec.Terminate = []meshtlsv1alpha1.Terminate{{CredentialName: "edge-cert"}}
	behindService := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("edge2", "gateway")}
	behindService.Spec.Gateway = &meshtlsv1alpha1.Target{Service: "ingress"}
	ingress := &corev1.Service{ObjectMeta: named("edge2", "ingress"), Spec: corev1.ServiceSpec{Selector: map[string]string{"istio": "egress"}}}
	gatewayPod := &corev1.Pod{ObjectMeta: named("pods", "ingress")}
	gatewayPod.Labels = map[string]string{"istio": "ingress", "tier": "edge"}
	return []client.Object{accepts, sends, gateway, behindService, ingress, gatewayPod}
}

func TestMapping(t *testing.T) {
	roots := newRoots()
	for _, namespace := range []string{"shop", "client"} {
		roots.note(model.Snapshot{
			Namespace: namespace, Inventory: model.Inventory{Mesh: model.Mesh{RootNamespace: "istio-system"}},
			Policies: []*meshtlsv1alpha1.MeshTLSPolicy{{}},
		})
	}
	m := mapping{cache: readerOf(world()...), roots: roots, options: Options{IstioNamespace: "istio-system"}}
	ours := map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	pod := func(namespace string, labels map[string]string) client.Object {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p", Labels: labels}}
	}
	entry := func(hosts ...string) client.Object {
		return &istionetworkingv1.ServiceEntry{ObjectMeta: named("other", "e"), Spec: networkingapi.ServiceEntry{Hosts: hosts}}
	}

	rule := func(namespace, host string) client.Object {
		return &istionetworkingv1.DestinationRule{ObjectMeta: named(namespace, "r"), Spec: networkingapi.DestinationRule{Host: host}}
	}

	before := func(gateway string) client.Object {
		return &corev1.Service{ObjectMeta: named("pods", "s"), Spec: corev1.ServiceSpec{Selector: map[string]string{"istio": gateway}}}
	}
	routes := func(gateways ...string) client.Object {
		return &istionetworkingv1.VirtualService{ObjectMeta: named("other", "r"), Spec: networkingapi.VirtualService{Gateways: gateways}}
	}
	called := func(namespace string) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: "s"}}
	}
	mutating := func(namespaces ...string) client.Object {
		configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
		for _, namespace := range namespaces {
			configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.MutatingWebhook{ClientConfig: called(namespace)})
		}
		return configuration
	}
	validating := func(namespaces ...string) client.Object {
		configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
		for _, namespace := range namespaces {
			configuration.Webhooks = append(configuration.Webhooks, admissionregistrationv1.ValidatingWebhook{ClientConfig: called(namespace)})
		}
		return configuration
	}

	tests := map[string]struct {
		mapping handler.MapFunc
		object  client.Object
		want    []string
	}{
		"a policy concerns its namespace":                       {m.ofPolicy, &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("shop", "p")}, []string{"shop"}},
		"a root policy concerns all below":                      {m.ofPolicy, &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: named("istio-system", "p")}, []string{"client", "istio-system", "shop"}},
		"an Istio object where there are policies":              {m.ofPeerAuthentication, &istiosecurityv1.PeerAuthentication{ObjectMeta: named("shop", "x")}, []string{"shop"}},
		"an Istio object where there are none":                  {m.ofPeerAuthentication, &istiosecurityv1.PeerAuthentication{ObjectMeta: named("other", "x")}, nil},
		"an object of ours that nobody may want":                {m.ofPeerAuthentication, &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "x", Labels: ours}}, []string{"other"}},
		"a PeerAuthentication of the root concerns all below":   {m.ofPeerAuthentication, &istiosecurityv1.PeerAuthentication{ObjectMeta: named("istio-system", "x")}, []string{"client", "shop"}},
		"a DestinationRule concerns who sends to its host":      {m.ofDestinationRule, rule("shop", "cart"), []string{"client", "shop"}},
		"a DestinationRule of nobody's host":                    {m.ofDestinationRule, rule("other", "cart"), nil},
		"a DestinationRule for a wildcard above a host":         {m.ofDestinationRule, rule("other", "*.svc.cluster.local"), []string{"client"}},
		"a DestinationRule of the root concerns all below":      {m.ofDestinationRule, rule("istio-system", "x"), []string{"client", "shop"}},
		"a Gateway concerns those that govern gateways":         {m.ofGateway, &istionetworkingv1.Gateway{ObjectMeta: named("other", "x")}, []string{"edge", "edge2"}},
		"a Service concerns its namespace and who sends to it":  {m.ofService, &corev1.Service{ObjectMeta: named("shop", "cart")}, []string{"client", "shop"}},
		"a Service that nobody sends to":                        {m.ofService, &corev1.Service{ObjectMeta: named("other", "cart")}, nil},
		"a Service before the pods of a gateway":                {m.ofService, before("ingress"), []string{"edge"}},
		"a Service before other pods there":                     {m.ofService, before("other"), nil},
		"a pod where there are policies":                        {m.ofPod, pod("shop", nil), []string{"shop"}},
		"a pod of a gateway by labels":                          {m.ofPod, pod("other", map[string]string{"istio": "ingress", "tier": "edge", "x": "y"}), []string{"edge"}},
		"a pod that has only one of the labels":                 {m.ofPod, pod("other", map[string]string{"istio": "ingress"}), nil},
		"a pod of a gateway by Service":                         {m.ofPod, pod("other", map[string]string{"istio": "egress"}), []string{"edge2"}},
		"a namespace with policies":                             {m.ofNamespace, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, []string{"shop"}},
		"a namespace with pods of a gateway":                    {m.ofNamespace, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "pods"}}, []string{"edge"}},
		"a namespace that concerns nobody":                      {m.ofNamespace, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}, nil},
		"a ServiceEntry for a host below a wildcard":            {m.ofServiceEntry, entry("api.example"), []string{"client"}},
		"a ServiceEntry for a host that nobody sends to":        {m.ofServiceEntry, entry("api.elsewhere"), nil},
		"a VirtualService concerns whose Gateway it names":      {m.ofVirtualService, routes("edge/" + render.GatewayName("gateway")), []string{"edge"}},
		"a VirtualService that names the Gateway of nobody":     {m.ofVirtualService, routes("edge/theirs", "mesh", "shop/"+render.GatewayName("accepts")), nil},
		"a webhook concerns where it is called":                 {m.ofWebhook, mutating("other", "shop"), []string{"shop"}},
		"a webhook of the other kind, too":                      {m.ofWebhook, validating("edge", "shop"), []string{"edge", "shop"}},
		"a webhook that is called elsewhere":                    {m.ofWebhook, mutating("other"), nil},
		"the mesh config concerns all":                          {m.ofConfigMap, &corev1.ConfigMap{ObjectMeta: named("istio-system", "istio")}, []string{"client", "edge", "edge2", "shop"}},
		"a revision's mesh config concerns all":                 {m.ofConfigMap, &corev1.ConfigMap{ObjectMeta: named("istio-system", "istio-canary")}, []string{"client", "edge", "edge2", "shop"}},
		"another ConfigMap of Istio's":                          {m.ofConfigMap, &corev1.ConfigMap{ObjectMeta: named("istio-system", "istiod")}, nil},
		"a ConfigMap of that name elsewhere":                    {m.ofConfigMap, &corev1.ConfigMap{ObjectMeta: named("shop", "istio")}, nil},
		"a Secret concerns whose policies name it":              {m.ofCredential, &corev1.Secret{ObjectMeta: named("pods", "edge-cert")}, []string{"edge"}},
		"a Secret of authorities beside it":                     {m.ofCredential, &corev1.Secret{ObjectMeta: named("pods", "edge-cert-cacert")}, []string{"edge"}},
		"a Secret that nobody names":                            {m.ofCredential, &corev1.Secret{ObjectMeta: named("edge", "other")}, nil},
		"a kind that has come or gone concerns all":             {m.ofAnything, crdMetadata(), []string{"client", "edge", "edge2", "shop"}},
		"an object of another kind than the watch's, a Service": {m.ofService, &corev1.Pod{}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, request := range tc.mapping(t.Context(), tc.object) {
				got = append(got, request.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRoots(t *testing.T) {
	snapshot := func(namespace, root string, policies int) model.Snapshot {
		return model.Snapshot{
			Namespace: namespace, Inventory: model.Inventory{Mesh: model.Mesh{RootNamespace: root}},
			Policies: make([]*meshtlsv1alpha1.MeshTLSPolicy, policies),
		}
	}
	tests := map[string]struct {
		passes []model.Snapshot
		want   []string
	}{
		"nobody yet":                       {nil, []string{}},
		"in order":                         {[]model.Snapshot{snapshot("b", "root", 1), snapshot("a", "root", 1)}, []string{"a", "b"}},
		"another root":                     {[]model.Snapshot{snapshot("a", "elsewhere", 1)}, []string{}},
		"moved to another root":            {[]model.Snapshot{snapshot("a", "root", 1), snapshot("a", "elsewhere", 1)}, []string{}},
		"moved here":                       {[]model.Snapshot{snapshot("a", "elsewhere", 1), snapshot("a", "root", 1)}, []string{"a"}},
		"has no policies any more":         {[]model.Snapshot{snapshot("a", "root", 1), snapshot("a", "root", 0)}, []string{}},
		"never had any":                    {[]model.Snapshot{snapshot("a", "root", 0)}, []string{}},
		"a second pass says nothing newer": {[]model.Snapshot{snapshot("a", "root", 1), snapshot("a", "root", 2)}, []string{"a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoots()
			for _, pass := range tc.passes {
				r.note(pass)
			}
			if diff := cmp.Diff(tc.want, r.namespacesUnder("root")); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPodDiffers(t *testing.T) {
	base := func() *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}, ResourceVersion: "1"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}},
			Status:     corev1.PodStatus{Phase: corev1.PodPending},
		}
	}
	tests := map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"only the version": {func(p *corev1.Pod) { p.ResourceVersion = "2" }, false},
		"it runs":          {func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, false},
		"it has finished":  {func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, true},
		"a label":          {func(p *corev1.Pod) { p.Labels["app"] = "b" }, true},
		"an annotation":    {func(p *corev1.Pod) { p.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"} }, true},
		"a container":      {func(p *corev1.Pod) { p.Spec.Containers[0].Name = "d" }, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := podDiffers(base(), after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestIstioObjectDiffers(t *testing.T) {
	base := func() *istiosecurityv1.PeerAuthentication {
		return &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
			UID: "1", Generation: 1, ResourceVersion: "1", Labels: map[string]string{},
			OwnerReferences: []metav1.OwnerReference{{UID: "p"}},
		}}
	}
	tests := map[string]struct {
		change func(*istiosecurityv1.PeerAuthentication)
		want   bool
	}{
		"only the status":     {func(o *istiosecurityv1.PeerAuthentication) { o.ResourceVersion = "2" }, false},
		"the spec":            {func(o *istiosecurityv1.PeerAuthentication) { o.Generation = 2 }, true},
		"a label":             {func(o *istiosecurityv1.PeerAuthentication) { o.Labels["a"] = "b" }, true},
		"an owner":            {func(o *istiosecurityv1.PeerAuthentication) { o.OwnerReferences = nil }, true},
		"it is being deleted": {func(o *istiosecurityv1.PeerAuthentication) { o.DeletionTimestamp = ptr.To(metav1.Now()) }, true},
		"it is another one":   {func(o *istiosecurityv1.PeerAuthentication) { o.UID = "2" }, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := istioObjectDiffers(base(), after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWebhookDiffers(t *testing.T) {
	base := func() *admissionregistrationv1.ValidatingWebhookConfiguration {
		return &admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Generation: 1},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{Name: "a", ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{Namespace: "shop", Name: "api"},
			}}},
		}
	}
	tests := map[string]struct {
		change func(*admissionregistrationv1.ValidatingWebhookConfiguration)
		want   bool
	}{
		"what the cache drops": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.ResourceVersion, c.Generation = "2", 2
		}, false},
		"another Service": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.Webhooks[0].ClientConfig.Service.Name = "b"
		}, true},
		"another port": {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
			c.Webhooks[0].ClientConfig.Service.Port = ptr.To(int32(1))
		}, true},
		"a webhook that is gone":       {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) { c.Webhooks = nil }, true},
		"a webhook by another name":    {func(c *admissionregistrationv1.ValidatingWebhookConfiguration) { c.Webhooks[0].Name = "b" }, true},
		"not even the version changed": {func(*admissionregistrationv1.ValidatingWebhookConfiguration) {}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after := base()
			tc.change(after)
			if got := validatingDiffers(base(), after); got != tc.want {
				t.Errorf("validating: got %v, want %v", got, tc.want)
			}
			if got := mutatingDiffers(asMutating(base()), asMutating(after)); got != tc.want {
				t.Errorf("mutating: got %v, want %v", got, tc.want)
			}
		})
	}
}

// asMutating is the same configuration of the other kind.
func asMutating(c *admissionregistrationv1.ValidatingWebhookConfiguration) *admissionregistrationv1.MutatingWebhookConfiguration {
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: c.ObjectMeta}
	for _, hook := range c.Webhooks {
		mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{Name: hook.Name, ClientConfig: hook.ClientConfig})
	}
	return mutating
}
