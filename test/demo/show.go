package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// kinds are the kinds that a policy's status names.
var kinds = map[string]schema.GroupVersionKind{
	"PeerAuthentication": {Group: "security.istio.io", Version: "v1", Kind: "PeerAuthentication"},
	"DestinationRule":    {Group: "networking.istio.io", Version: "v1", Kind: "DestinationRule"},
	"Gateway":            {Group: "networking.istio.io", Version: "v1", Kind: "Gateway"},
}

// exhibition prints policies with what was rendered for them.
type exhibition struct {
	*printer
	reader client.Reader
	// shown are the objects that have been printed, each with the policy it was printed with.
	shown map[objectKey]string
}

type objectKey struct {
	namespace string
	object    meshtlsv1alpha1.ObjectReference
}

// show prints the table of all policies and the counts, and with VERBOSE every policy with what was written for it.
func (c *cluster) show(ctx context.Context, p *printer, policies []meshtlsv1alpha1.MeshTLSPolicy) error {
	p.table(policies)
	p.line("\n%s", counts(policies))
	if os.Getenv("VERBOSE") == "" {
		p.line("VERBOSE=1 make demo prints each policy with what was written for it.")
		return nil
	}
	e := exhibition{printer: p, reader: c.client, shown: map[objectKey]string{}}
	for i := range policies {
		p.policy(&policies[i])
		for _, object := range policies[i].Status.Objects {
			if err := e.object(ctx, &policies[i], object); err != nil {
				return err
			}
		}
	}
	return nil
}

// object prints an object that a policy contributes to, unless it has been printed with another policy.
func (e *exhibition) object(
	ctx context.Context, policy *meshtlsv1alpha1.MeshTLSPolicy, reference meshtlsv1alpha1.ObjectReference,
) error {
	key := objectKey{policy.Namespace, reference}
	if other, ok := e.shown[key]; ok {
		e.line("\n    %s %s: see %s", reference.Kind, reference.Name, other)
		return nil
	}
	e.shown[key] = policy.Name
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kinds[reference.Kind])
	if err := e.reader.Get(ctx, client.ObjectKey{Namespace: policy.Namespace, Name: reference.Name}, object); err != nil {
		return fmt.Errorf("reading what policy %s/%s says is written: %w", policy.Namespace, policy.Name, err)
	}
	text, err := manifest(object)
	if err != nil {
		return err
	}
	e.line("\n    %s", e.dim("# written for "+strings.Join(owners(object), ", ")))
	e.indented(text)
	return nil
}

// manifest returns an object as somebody would write it: without what the API server adds.
func manifest(object *unstructured.Unstructured) (string, error) {
	object = object.DeepCopy()
	for _, field := range []string{"creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "uid"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(object.Object, "status")
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		return "", fmt.Errorf("encoding %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return string(text), nil
}

// owners returns the names of the policies that contribute to an object.
func owners(object *unstructured.Unstructured) []string {
	var names []string
	for _, owner := range object.GetOwnerReferences() {
		names = append(names, owner.Name)
	}
	return names
}

// counts returns the sentence below the table: how many policies are in which state, and how many objects there are.
func counts(policies []meshtlsv1alpha1.MeshTLSPolicy) string {
	fine := 0
	written := sets.New[objectKey]()
	for i := range policies {
		if ready(&policies[i]).Status == metav1.ConditionTrue {
			fine++
		}
		for _, object := range policies[i].Status.Objects {
			written.Insert(objectKey{policies[i].Namespace, object})
		}
	}
	objects := map[string]int{}
	for key := range written {
		objects[key.object.Kind]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(objects)) {
		parts = append(parts, fmt.Sprintf("%d %ss", objects[kind], kind))
	}
	return fmt.Sprintf("%d policies: %d ready, %d in trouble; %d not as expected. Written: %s.",
		len(policies), fine, len(policies)-fine, len(unexpected(policies)), strings.Join(parts, ", "))
}

// finish says how it went. With KEEP the cluster is left to the user.
func (c *cluster) finish(ctx context.Context, p *printer, policies []meshtlsv1alpha1.MeshTLSPolicy, disagreements []string) error {
	wrong := unexpected(policies)
	if len(wrong) > 0 {
		p.line("\nThe operator's last words:\n%s", c.operator.Tail())
	}
	for i := range wrong {
		got := ready(&wrong[i])
		p.line("%s: %s/%s is %s (%s), expected %s", p.bad("not as expected"),
			wrong[i].Namespace, wrong[i].Name, got.Reason, got.Status, expected(&wrong[i]))
	}
	for _, disagreement := range disagreements {
		p.line("%s: %s", p.bad("not one answer"), disagreement)
	}
	if os.Getenv("KEEP") != "" {
		if err := c.keep(ctx, p); err != nil {
			return err
		}
	}
	if len(wrong)+len(disagreements) > 0 {
		return errUnexpected
	}
	return nil
}

// keep leaves the cluster to the user until Ctrl-C: with the page of the plugin, and where there is a mesh with clients that go on calling.
func (c *cluster) keep(ctx context.Context, p *printer) error {
	address, err := c.openPage(ctx)
	if err != nil {
		return err
	}
	p.line("\nEverything is left running. The page of the mesh, for one browser tab: %s\nOr try:\n  export KUBECONFIG=%s\n"+
		"  kubectl get mtp -A\nThe operator's log: %s\nCtrl-C ends it.", address, c.plane.Kubeconfig, c.operator.Log)
	if c.mesh != nil {
		p.line("Clients go on calling.")
		if err := c.keepTraffic(ctx); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}
