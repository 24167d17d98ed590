package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/internal/checkup"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/internal/source"
)

// The kinds that only a checkup reads.
var (
	crdKind   = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	leaseKind = schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"}
	rightKind = schema.GroupVersionKind{Group: "authorization.k8s.io", Version: "v1", Kind: "SelfSubjectAccessReview"}
)

// factsReader reads the facts of a checkup.
type factsReader struct {
	*input
	live  client.Client
	facts checkup.Facts
}

// facts reads what a checkup judges. It returns an error only where nothing can be read.
func (s *input) facts(ctx context.Context, pre bool) (checkup.Facts, error) {
	live, err := s.client()
	if err != nil {
		return checkup.Facts{}, err
	}
	r := factsReader{input: s, live: live, facts: checkup.Facts{Pre: pre, Version: version(), Unread: map[string]error{}, Now: metav1.Now()}}
	if err := r.readServer(); err != nil {
		return r.facts, err
	}
	reader, err := s.loadQuietly(ctx, live)
	if err != nil {
		return r.facts, err
	}
	r.facts.Missing = reader.Missing()
	r.facts.Forbidden = sets.KeySet(reader.Forbidden())
	r.note("crd", r.readCRD(ctx))
	r.note("rights", r.readRights(ctx))
	r.note("admission", r.readBindings(ctx))
	r.note("deployment", r.readOperator(ctx))
	slices.Sort(r.facts.Denied)
	return r.facts, r.readMesh(ctx, reader)
}

// loadQuietly reads the cluster; what may not be read is told by the line about rights.
func (s *input) loadQuietly(ctx context.Context, live client.Client) (*source.Reader, error) {
	return source.Load(ctx, live, source.LoadOptions{IstioNamespace: s.istioNamespace})
}

// note takes down why a check cannot be answered.
func (r *factsReader) note(check string, err error) {
	if err != nil {
		r.facts.Unread[check] = err
	}
}

// readServer asks the API server what it is.
func (r *factsReader) readServer() error {
	if r.connected != nil {
		r.facts.Server = "v1.0.0-test"
		return nil
	}
	discovery, err := r.kube.ToDiscoveryClient()
	if err != nil {
		return err
	}
	is, err := discovery.ServerVersion()
	if err != nil {
		return err
	}
	r.facts.Server = is.GitVersion
	r.facts.Minor, _ = strconv.Atoi(strings.TrimRight(is.Minor, "+"))
	return nil
}

func (r *factsReader) readCRD(ctx context.Context) error {
	var wanted map[string]any
	if err := yaml.Unmarshal(crd.MeshTLSPolicy, &wanted); err != nil {
		return err
	}
	r.facts.WantCRD = versionsOf(wanted)
	found := objectOf(crdKind)
	err := r.live.Get(ctx, client.ObjectKey{Name: "meshtlspolicies." + meshtlsv1alpha1.GroupVersion.Group}, found)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	r.facts.CRD = versionsOf(found.Object)
	return nil
}

// versionsOf returns what of a CRD's versions says how policies look.
func versionsOf(definition map[string]any) any {
	spec, _ := definition["spec"].(map[string]any)
	encoded, err := json.Marshal(spec["versions"])
	if err != nil {
		return nil
	}
	var versions any // with numbers of one type, wherever they come from
	if err := json.Unmarshal(encoded, &versions); err != nil {
		return nil
	}
	return versions
}

func objectOf(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}

// readBindings finds the admission policies about MeshTLSPolicies that are bound.
func (r *factsReader) readBindings(ctx context.Context) error {
	var (
		policies admissionregistrationv1.ValidatingAdmissionPolicyList
		bindings admissionregistrationv1.ValidatingAdmissionPolicyBindingList
	)
	if err := errors.Join(r.live.List(ctx, &policies), r.live.List(ctx, &bindings)); err != nil {
		return err
	}
	ours := sets.New[string]()
	for _, p := range policies.Items {
		if p.Spec.MatchConstraints == nil {
			continue
		}
		for _, rule := range p.Spec.MatchConstraints.ResourceRules {
			if sets.New(rule.APIGroups...).Has(meshtlsv1alpha1.GroupVersion.Group) {
				ours.Insert(p.Name)
			}
		}
	}
	for _, b := range bindings.Items {
		if ours.Has(b.Spec.PolicyName) {
			denies := sets.New(b.Spec.ValidationActions...).Has(admissionregistrationv1.Deny)
			r.facts.Bindings = append(r.facts.Bindings, checkup.Binding{Name: b.Name, Denies: denies})
		}
	}
	return nil
}

// leaseName is that of the operator's lease, unless a flag says otherwise.
const leaseName = "meshtls-manager"

// readOperator reads the operator's Deployments, and who leads.
func (r *factsReader) readOperator(ctx context.Context) error {
	var deployments appsv1.DeploymentList
	if err := r.live.List(ctx, &deployments, operatorLabels); err != nil {
		r.note("leader", err)
		r.note("prometheus", err)
		return err
	}
	r.facts.Deployments = deployments.Items
	for _, d := range deployments.Items {
		r.note("leader", r.readLease(ctx, d.Namespace))
	}
	return nil
}

func (r *factsReader) readLease(ctx context.Context, namespace string) error {
	lease := objectOf(leaseKind)
	if err := r.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: leaseName}, lease); err != nil {
		return client.IgnoreNotFound(err)
	}
	found := checkup.Lease{}
	found.Holder, _, _ = unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	if at, err := time.Parse(time.RFC3339Nano, renewed); err == nil {
		found.Renewed = metav1.NewTime(at)
	}
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	found.Seconds = int32(seconds) // #nosec G115 -- the API server takes no more
	r.facts.Lease = &found
	return nil
}

// readMesh takes the inventory, and compares what policies come to with what is there.
func (r *factsReader) readMesh(ctx context.Context, reader *source.Reader) error {
	var err error
	if r.facts.Inventory, err = r.inventory(ctx, reader); err != nil {
		return err
	}
	for _, object := range reader.Objects() {
		if hook, is := object.(*admissionregistrationv1.MutatingWebhookConfiguration); is && injects(hook) {
			r.facts.Injectors = append(r.facts.Injectors, hook.Name)
		}
	}
	if r.facts.Forbidden.Has(policyKind) {
		r.note("statuses", errForbidden)
	}
	standings, err := r.standings(ctx, reader)
	if err != nil {
		return err
	}
	for _, s := range standings {
		accept := s.policy.Spec.Accept
		r.facts.Policies = append(r.facts.Policies, checkup.Policy{
			Name: s.policy.Namespace + "/" + s.policy.Name, Remark: s.remark, Rollout: accept != nil && accept.Rollout != nil,
		})
	}
	if r.facts.Forbidden.Len() > 0 {
		r.note("drift", errForbidden)
		return nil
	}
	return r.readDrift(ctx, reader)
}

// injects reports whether the webhooks are those of Istio's injector.
func injects(hook *admissionregistrationv1.MutatingWebhookConfiguration) bool {
	return strings.HasPrefix(hook.Name, "istio-sidecar-injector") || strings.HasPrefix(hook.Name, "istio-revision-tag")
}

// errForbidden: of what the user may not list nothing is concluded.
var errForbidden = errors.New("it takes the right to list all that the operator reads")

// readDrift finds the objects that the operator would write otherwise.
func (r *factsReader) readDrift(ctx context.Context, reader *source.Reader) error {
	policies, err := gather.Policies(ctx, reader)
	if err != nil {
		return err
	}
	settled, err := compile.Settle(r.facts.Inventory, policies)
	if err != nil {
		return err
	}
	before, after := screens.World{Inventory: r.facts.Inventory}, screens.World{Inventory: settled.Inventory}
	for _, change := range screens.ChangedObjects(before, after) {
		r.facts.Drifted = append(r.facts.Drifted, change.Object.String())
	}
	return nil
}

// right is something that a user may do.
type right struct{ verb, group, resource string }

func (r right) String() string {
	if r.group == "" {
		return r.verb + " " + r.resource
	}
	return r.verb + " " + r.resource + "." + r.group
}

// installing are the rights that the installation takes.
var installing = []right{
	{"create", "", "namespaces"}, {"create", "", "serviceaccounts"}, {"create", "apps", "deployments"},
	{"create", "apiextensions.k8s.io", "customresourcedefinitions"},
	{"create", "rbac.authorization.k8s.io", "clusterroles"}, {"create", "rbac.authorization.k8s.io", "clusterrolebindings"},
	{"create", "rbac.authorization.k8s.io", "roles"}, {"create", "rbac.authorization.k8s.io", "rolebindings"},
	{"create", "admissionregistration.k8s.io", "validatingadmissionpolicies"},
	{"create", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"},
	{"create", "networking.k8s.io", "networkpolicies"},
}

// readRights asks the API server what the user may do in all namespaces.
func (r *factsReader) readRights(ctx context.Context) error {
	asked := installing
	if !r.facts.Pre {
		asked = nil
		for kind := range r.facts.Forbidden {
			r.facts.Denied = append(r.facts.Denied, "list objects of kind "+kind)
		}
	}
	for _, right := range asked {
		review := objectOf(rightKind)
		attributes := map[string]any{"verb": right.verb, "group": right.group, "resource": right.resource}
		review.Object["spec"] = map[string]any{"resourceAttributes": attributes}
		if err := r.live.Create(ctx, review); err != nil {
			if apimeta.IsNoMatchError(err) {
				return errors.New("the API server answers no SelfSubjectAccessReview")
			}
			return err
		}
		if allowed, _, _ := unstructured.NestedBool(review.Object, "status", "allowed"); !allowed {
			r.facts.Denied = append(r.facts.Denied, right.String())
		}
	}
	return nil
}
