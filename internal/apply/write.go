package apply

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/render"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// write makes the object as planned: by server-side apply, and where that is not enough by replacing the spec.
func (a Applier) write(ctx context.Context, c change) error {
	written, err := a.serverSideApply(ctx, c)
	if err == nil && !matches(written, c.want) {
		written, err = a.replace(ctx, written, c.want)
	}
	if err == nil && !matches(written, c.want) {
		err = ErrOverruled
	}
	if err != nil {
		return fmt.Errorf("applying %s: %w", c.ref, err)
	}
	return nil
}

// neverAVersion is a resource version that no object has: an apply with it creates, as a POST does, and never adopts an object that
// somebody else has just given the name. It is compared only with that of an object that exists.
const neverAVersion = "1"

// serverSideApply applies the planned object and returns it as it then is.
//
// The client is given an object of the kind's own type, not a map, so that its read-your-writes consistency, which tells
// these apart, makes the next snapshot wait for the write.
func (a Applier) serverSideApply(ctx context.Context, c change) (object, error) {
	content, err := render.Encode(c.want)
	if err != nil {
		return nil, err
	}
	options := []client.PatchOption{client.FieldOwner(FieldManager)}
	precondition, value := "resourceVersion", neverAVersion
	if c.live != nil {
		// This object, and not one of the same name that has taken its place.
		precondition, value = "uid", string(c.live.GetUID())
		options = append(options, client.ForceOwnership)
	}
	if err := unstructured.SetNestedField(content, value, "metadata", precondition); err != nil {
		return nil, err
	}
	body, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	written := shellOf(c.want)
	if err := a.Client.Patch(ctx, written, client.RawPatch(types.ApplyPatchType, body), options...); err != nil {
		return nil, err
	}
	return plain(written), nil
}

// replace puts the planned spec and owners in the place of what is there. Server-side apply, even by force, leaves the keys
// that other managers add to a map: a port in portLevelMtls, a label in matchLabels. The object must be as it was when it was
// found to differ.
func (a Applier) replace(ctx context.Context, live, want object) (object, error) {
	body, err := replacement(live, want)
	if err != nil {
		return nil, err
	}
	written := shellOf(want)
	if err := a.Client.Patch(ctx, written, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(FieldManager)); err != nil {
		return nil, err
	}
	return plain(written), nil
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// replacement returns the JSON patch that makes live as planned, and nothing if live has changed since.
func replacement(live, want object) ([]byte, error) {
	content, err := render.Encode(want)
	if err != nil {
		return nil, err
	}
	_, others := splitOwners(live)
	patch := []operation{
		{Op: "replace", Path: "/metadata/resourceVersion", Value: live.GetResourceVersion()},
		{Op: "add", Path: "/spec", Value: content["spec"]},
		{Op: "add", Path: "/metadata/ownerReferences", Value: append(others, want.GetOwnerReferences()...)},
	}
	if _, wanted := want.GetLabels()[meshtlsv1alpha1.LabelRevision]; !wanted && live.GetLabels()[meshtlsv1alpha1.LabelRevision] != "" {
		patch = append(patch, operation{Op: "remove", Path: "/metadata/labels/istio.io~1rev"})
	}
	return json.Marshal(patch)
}

// remove deletes the object, and no other that may have taken its name. That it is gone already is as good.
func (a Applier) remove(ctx context.Context, c change) error {
	uid := c.live.GetUID()
	err := a.Client.Delete(ctx, shellOf(c.live), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %s: %w", c.ref, err)
	}
	return nil
}

// plain returns what the client has decoded into a shell as one of the types that are planned.
func plain(written object) object {
	typed, _ := verbatim.Plain(written).(object) // each kind's type is one
	return typed
}

// shellOf returns an empty object of the kind and name, for the client to decode into: one that keeps what others have added to the spec,
// also if Istio's types do not know it.
func shellOf(obj object) object {
	meta := metav1.ObjectMeta{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	switch obj.(type) {
	case *istiosecurityv1.PeerAuthentication:
		return &verbatim.PeerAuthentication{PeerAuthentication: istiosecurityv1.PeerAuthentication{ObjectMeta: meta}}
	case *istionetworkingv1.DestinationRule:
		return &verbatim.DestinationRule{DestinationRule: istionetworkingv1.DestinationRule{ObjectMeta: meta}}
	case *istiosecurityv1.AuthorizationPolicy:
		return &istiosecurityv1.AuthorizationPolicy{ObjectMeta: meta}
	default:
		return &verbatim.Gateway{Gateway: istionetworkingv1.Gateway{ObjectMeta: meta}}
	}
}
