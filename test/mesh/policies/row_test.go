package policies

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

// row is a world with policies, and what comes of it.
type row struct {
	// objects are the policies, and what is around them. GATEWAY stands for the Gateway that is written for the policy edge/edge,
	// SPKI and HASH for those of the certificate that clients show.
	objects string
	// reasons are those of the condition Ready of policies that are not Ready, by namespace/name.
	reasons map[string]string
	// calls are what is judged by packets.
	calls []call
	// short says that the row stands for others.
	short bool
}

// call is a call with what becomes of it.
type call struct {
	// from is the name of a pod.
	from     string
	host     string
	port     uint16
	protocol app.Protocol
	// address is where a client connects to that cannot look the host up.
	address string
	// tls is the client's own TLS, and adjust changes more of it.
	tls    clientTLS
	adjust func(*tls.Config)
	// want are the outcomes of the connections that carry the call, in their order, or Refused alone.
	want []mesh.Outcome
	// how is how the client is refused, if that matters.
	how string
	// check looks at more of the result.
	check func(mesh.Result) error
	// unforeseen says why explain has no answer to this call.
	unforeseen string
}

// String returns the call in a few words.
func (c call) String() string {
	return fmt.Sprintf("%s to %s:%d", c.from, c.host, c.port)
}

// judge applies a row, judges it, and removes it.
func (w *world) judge(t *testing.T, r row) {
	objects, err := mesh.Decode([]byte(w.pins.Replace(r.objects)))
	if err != nil {
		t.Fatal(err)
	}
	defer w.clear(t, objects...)
	if err := w.apply(t.Context(), r.objects); err != nil {
		t.Fatal(err)
	}
	err = eventually(t.Context(), func(ctx context.Context) error { return w.sayReady(ctx, objects, r.reasons) })
	if err != nil {
		t.Errorf("Ready: %v", err)
	}
	inForce := time.After(holdTime)
	w.becomes(t, r.calls)
	<-inForce
	if err := w.sayReady(t.Context(), objects, r.reasons); err != nil && !t.Failed() {
		t.Errorf("Ready, when all is in force: %v", err)
	}
	results := make([]mesh.Result, len(r.calls))
	for i, c := range r.calls {
		results[i] = w.make(t.Context(), c)
		if err := c.differs(results[i]); err != nil && !t.Failed() {
			t.Errorf("packets, when all is in force: %s: %v", c, err)
		}
	}
	if err := w.foresees(t.Context(), r.calls, results); err != nil {
		t.Errorf("explain: %v", err)
	}
}

// becomes makes calls until each ends as it should.
func (w *world) becomes(t *testing.T, calls []call) {
	t.Helper()
	for _, c := range calls {
		err := eventually(t.Context(), func(ctx context.Context) error { return c.differs(w.make(ctx, c)) })
		if err != nil {
			t.Errorf("packets: %s: %v", c, err)
		}
	}
}

// apply applies the policies first, since their names decide how the Gateway is called that others bind to.
func (w *world) apply(ctx context.Context, text string) error {
	text = w.pins.Replace(text)
	if !strings.Contains(text, "GATEWAY") {
		return w.ApplyYAML(ctx, text)
	}
	objects, err := mesh.Decode([]byte(text))
	if err != nil {
		return err
	}
	policies := slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool { return o.GetKind() != "MeshTLSPolicy" })
	if err := w.Apply(ctx, policies...); err != nil {
		return err
	}
	var name string
	err = eventually(ctx, func(ctx context.Context) error {
		var policy meshtlsv1alpha1.MeshTLSPolicy
		if err := w.policies.Get(ctx, client.ObjectKey{Namespace: edge, Name: edge}, &policy); err != nil {
			return err
		}
		for _, object := range policy.Status.Objects {
			if object.Kind == "Gateway" {
				name = object.Name
				return nil
			}
		}
		return fmt.Errorf("policy edge/edge lists no Gateway")
	})
	if err != nil {
		return err
	}
	return w.ApplyYAML(ctx, strings.ReplaceAll(text, "GATEWAY", edge+"/"+name))
}

// make makes a call.
func (w *world) make(ctx context.Context, c call) mesh.Result {
	full := mesh.Call{From: w.pods[c.from], Host: c.host, Port: c.port, Protocol: c.protocol, Address: c.address}
	if pod, ok := w.pods[c.host]; ok {
		full.Host = pod.IP.String()
	}
	if c.tls != noTLS {
		full.TLS = w.configOf(c)
	}
	return w.Call(ctx, full)
}

// differs says how a result differs from what is wanted.
func (c call) differs(got mesh.Result) error {
	var outcomes []mesh.Outcome
	if got.Outcome() == mesh.Refused || len(got.Hops) == 0 {
		outcomes = []mesh.Outcome{got.Outcome()}
	} else {
		for _, hop := range got.Hops[:len(got.Hops)-1] {
			outcomes = append(outcomes, hop.Outcome())
		}
		outcomes = append(outcomes, got.Outcome())
	}
	if !slices.Equal(outcomes, c.want) {
		return fmt.Errorf("got %s, want %v", got, c.want)
	}
	if c.how != "" && c.how != got.How() {
		return fmt.Errorf("got %s, want it refused by %s", got, c.how)
	}
	if c.check != nil {
		return c.check(got)
	}
	return nil
}

// sayReady says which policies do not say what they should.
func (w *world) sayReady(ctx context.Context, objects []*unstructured.Unstructured, reasons map[string]string) error {
	var wrong error
	for _, object := range objects {
		if object.GetKind() != "MeshTLSPolicy" {
			continue
		}
		var policy meshtlsv1alpha1.MeshTLSPolicy
		if err := w.policies.Get(ctx, client.ObjectKeyFromObject(object), &policy); err != nil {
			return err
		}
		want, ok := reasons[policy.Namespace+"/"+policy.Name]
		if !ok {
			want = meshtlsv1alpha1.ReasonReady
		}
		condition := apimeta.FindStatusCondition(policy.Status.Conditions, meshtlsv1alpha1.ConditionReady)
		if condition == nil || condition.ObservedGeneration != policy.Generation || condition.Reason != want {
			wrong = errors.Join(wrong, fmt.Errorf("policy %s/%s: want %s, got %+v", policy.Namespace, policy.Name, want, condition))
		}
	}
	return wrong
}

// kinds are those that rows bring, and those that are written for policies.
var kinds = []schema.GroupVersionKind{
	{Group: "security.meshtls.dev", Version: "v1alpha1", Kind: "MeshTLSPolicy"},
	{Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"},
	{Group: "networking.istio.io", Version: "v1", Kind: "DestinationRule"},
	{Group: "networking.istio.io", Version: "v1", Kind: "Gateway"},
	{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"},
	{Group: "networking.istio.io", Version: "v1alpha3", Kind: "EnvoyFilter"},
}

// clear deletes what a row has brought, and waits until what was written for it is gone, too.
func (w *world) clear(t *testing.T, brought ...*unstructured.Unstructured) {
	t.Helper()
	for _, object := range brought {
		if err := w.discard(context.WithoutCancel(t.Context()), object); err != nil {
			t.Fatal(err)
		}
	}
	err := eventually(context.WithoutCancel(t.Context()), func(ctx context.Context) error {
		left := 0
		for _, kind := range kinds {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
			if err := w.Client.List(ctx, list); err != nil {
				return err
			}
			left += len(list.Items)
			for i := range list.Items {
				if err := w.discard(ctx, &list.Items[i]); err != nil {
					return err
				}
			}
		}
		if left > 0 {
			return fmt.Errorf("%d objects are left of the row", left)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// discard deletes an object that a row has brought. What the operator has written goes with its policy.
func (w *world) discard(ctx context.Context, object *unstructured.Unstructured) error {
	if len(object.GetOwnerReferences()) > 0 {
		return nil
	}
	return client.IgnoreNotFound(w.Client.Delete(ctx, object))
}
