package apply

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// server stands in for the API server where only the requests matter: it notes them, answers an apply with what was applied,
// and refuses what it is told to refuse. What a real one makes of them is for test/suite/operator.
type server struct {
	client.Client // nil: any other request is a panic
	mu            sync.Mutex
	requests      []string
	refuse        map[string]error
	// add is put into what an apply by force returns, as another field manager would have it.
	add func(object)
}

func (s *server) note(request string, obj client.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request+" "+RefOf(obj).Kind+" "+obj.GetName())
	return s.refuse[obj.GetName()]
}

func (s *server) Patch(_ context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error {
	var chosen client.PatchOptions
	chosen.ApplyOptions(options)
	words := []string{map[types.PatchType]string{types.ApplyPatchType: "apply", types.JSONPatchType: "replace"}[patch.Type()]}
	if chosen.Force != nil {
		words = append(words, "by force")
	}
	if err := s.note(strings.Join(words, " "), obj); err != nil {
		return err
	}
	body, err := patch.Data(obj)
	if err != nil || patch.Type() == types.JSONPatchType {
		return errors.Join(err, s.replaced(obj, body))
	}
	if err := json.Unmarshal(body, obj); err != nil {
		return err
	}
	if s.add != nil {
		s.add(obj)
	}
	return nil
}

// replaced answers a JSON patch with the spec and the owners in it.
func (s *server) replaced(obj client.Object, body []byte) error {
	var patch []operation
	if err := json.Unmarshal(body, &patch); err != nil {
		return err
	}
	content := map[string]any{"metadata": map[string]any{
		"labels": map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}, "ownerReferences": patch[2].Value,
	}, "spec": patch[1].Value}
	text, err := json.Marshal(content)
	return errors.Join(err, json.Unmarshal(text, obj))
}

func (s *server) Delete(_ context.Context, obj client.Object, _ ...client.DeleteOption) error {
	return s.note("delete", obj)
}

// ours returns the metadata of an object that belongs to the policies with these UIDs.
func ours(name string, owners ...string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name),
		Labels: map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy},
	}
	for _, owner := range owners {
		meta.OwnerReferences = append(meta.OwnerReferences, metav1.OwnerReference{
			APIVersion: meshtlsv1alpha1.GroupVersion.String(), Kind: "MeshTLSPolicy", Name: owner, UID: types.UID(owner),
		})
	}
	return meta
}

func pa(m mode, meta metav1.ObjectMeta) *istiosecurityv1.PeerAuthentication {
	obj := &istiosecurityv1.PeerAuthentication{ObjectMeta: meta}
	accepts(m, nil).DeepCopyInto(&obj.Spec)
	return obj
}

// paFor is one for the pods app=…; empty: for all.
func paFor(app string, m mode, meta metav1.ObjectMeta) *istiosecurityv1.PeerAuthentication {
	obj := pa(m, meta)
	obj.Spec.Selector.MatchLabels["app"] = app
	if app == "" {
		obj.Spec.Selector = nil
	}
	return obj
}

func dr(host string, meta metav1.ObjectMeta) *istionetworkingv1.DestinationRule {
	return &istionetworkingv1.DestinationRule{ObjectMeta: meta, Spec: networkingapi.DestinationRule{Host: host}}
}

func gw(tls networkingapi.ServerTLSSettings_TLSmode, meta metav1.ObjectMeta) *istionetworkingv1.Gateway {
	obj := &istionetworkingv1.Gateway{ObjectMeta: meta}
	servesAt(&networkingapi.ServerTLSSettings{Mode: tls}).DeepCopyInto(&obj.Spec)
	return obj
}

// audit is an audit policy.
func audit(meta metav1.ObjectMeta) *istiosecurityv1.AuthorizationPolicy {
	meta.Annotations = map[string]string{model.AnnotationDryRun: "true"}
	return &istiosecurityv1.AuthorizationPolicy{ObjectMeta: meta, Spec: securityapi.AuthorizationPolicy{Action: securityapi.AuthorizationPolicy_DENY}}
}

// enforced is one without what makes it harmless.
func enforced(meta metav1.ObjectMeta) *istiosecurityv1.AuthorizationPolicy {
	policy := audit(meta)
	policy.Annotations = nil
	return policy
}

// objectsOf sorts objects by kind.
func objectsOf(list ...client.Object) model.Objects {
	var objects model.Objects
	for _, obj := range list {
		switch o := verbatim.Plain(obj).(type) {
		case *istiosecurityv1.PeerAuthentication:
			objects.PeerAuthentications = append(objects.PeerAuthentications, o)
		case *istionetworkingv1.DestinationRule:
			objects.DestinationRules = append(objects.DestinationRules, o)
		case *istionetworkingv1.Gateway:
			objects.Gateways = append(objects.Gateways, o)
		case *istiosecurityv1.AuthorizationPolicy:
			objects.AuthorizationPolicies = append(objects.AuthorizationPolicies, o)
		}
	}
	return objects
}

func foreign(name string) metav1.ObjectMeta {
	meta := ours(name)
	meta.Labels = nil
	return meta
}

func with(meta metav1.ObjectMeta, change func(*metav1.ObjectMeta)) metav1.ObjectMeta {
	change(&meta)
	return meta
}

// outcome returns a ChangeSet in words.
func outcome(done model.ChangeSet) []string {
	var words []string
	for _, change := range done.Changes {
		words = append(words, string(change.Verb)+" "+change.Object.Name)
	}
	for _, failure := range done.Failures {
		words = append(words, failure.Reason+" "+failure.Object.Name)
	}
	return words
}

func TestApply(t *testing.T) {
	refused := errors.New("refused")
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "a", refused)
	noKind := &apimeta.NoKindMatchError{}
	gone := metav1.Now()
	editedBy := func(manager, fields string) func(*metav1.ObjectMeta) {
		return func(m *metav1.ObjectMeta) {
			m.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}, {Manager: FieldManager}}
		}
	}

	tests := map[string]struct {
		live, want   []client.Object
		keep         []types.UID
		refuse       map[string]error
		wantRequests []string
		wantOutcome  []string
	}{
		"everything is as planned": {
			live: []client.Object{pa(strict, ours("a", "p")), dr("h", ours("d", "p")), gw(networkingapi.ServerTLSSettings_SIMPLE, ours("g", "p"))},
			want: []client.Object{pa(strict, ours("a", "p")), dr("h", ours("d", "p")), gw(networkingapi.ServerTLSSettings_SIMPLE, ours("g", "p"))},
		},
		"other people's labels, annotations and owners are no reason to write": {
			live: []client.Object{pa(strict, with(ours("a", "p"), func(m *metav1.ObjectMeta) {
				m.Labels["argocd.argoproj.io/instance"] = "shop"
				m.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:x"}
				m.OwnerReferences = append(m.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x"})
			}))},
			want: []client.Object{pa(strict, ours("a", "p"))},
		},
		"what does not exist is created without force": {
			want:         []client.Object{pa(strict, ours("a", "p"))},
			wantRequests: []string{"apply PeerAuthentication a"},
			wantOutcome:  []string{"Created a"},
		},
		"an audit policy comes last": {
			want:         []client.Object{audit(ours("audit", "p")), pa(strict, ours("a", "p"))},
			wantRequests: []string{"apply PeerAuthentication a", "apply AuthorizationPolicy audit"},
			wantOutcome:  []string{"Created a", "Created audit"},
		},
		"an audit policy that would refuse is put right": {
			live:         []client.Object{enforced(ours("audit", "p"))},
			want:         []client.Object{audit(ours("audit", "p"))},
			wantRequests: []string{"apply by force AuthorizationPolicy audit"},
			wantOutcome:  []string{"Updated audit"},
		},
		"an audit policy that cannot be written holds nothing back": {
			live:         []client.Object{pa(strict, ours("b", "p"))},
			want:         []client.Object{audit(ours("audit", "p")), pa(strict, ours("a", "p"))},
			refuse:       map[string]error{"audit": forbidden},
			wantRequests: []string{"apply PeerAuthentication a", "delete PeerAuthentication b", "apply AuthorizationPolicy audit"},
			wantOutcome:  []string{"Created a", "Pruned b", "ApplyFailed audit"},
		},
		"somebody else's AuthorizationPolicy of the name stays": {
			live:        []client.Object{enforced(foreign("audit"))},
			want:        []client.Object{audit(ours("audit", "p"))},
			wantOutcome: []string{"NotOwned audit"},
		},
		"an audit policy that is not wanted any more goes, and nobody else's": {
			live:         []client.Object{audit(ours("audit", "p")), enforced(foreign("theirs"))},
			wantRequests: []string{"delete AuthorizationPolicy audit"},
			wantOutcome:  []string{"Pruned audit"},
		},
		"another spec": {
			live:         []client.Object{pa(strict, ours("a", "p"))},
			want:         []client.Object{pa(permissive, ours("a", "p"))},
			wantRequests: []string{"apply by force PeerAuthentication a"},
			wantOutcome:  []string{"Updated a"},
		},
		"another spec by somebody else's hand is drift": {
			live:         []client.Object{pa(disable, with(ours("a", "p"), editedBy("kubectl-edit", `{"f:spec":{"f:mtls":{"f:mode":{}}}}`)))},
			want:         []client.Object{pa(strict, ours("a", "p"))},
			wantRequests: []string{"apply by force PeerAuthentication a"},
			wantOutcome:  []string{"DriftCorrected a"},
		},
		"somebody else's label beside a new plan is no drift": {
			live:         []client.Object{pa(disable, with(ours("a", "p"), editedBy("argocd", `{"f:metadata":{"f:labels":{"f:x":{}}}}`)))},
			want:         []client.Object{pa(strict, ours("a", "p"))},
			wantRequests: []string{"apply by force PeerAuthentication a"},
			wantOutcome:  []string{"Updated a"},
		},
		"another owner": {
			live:         []client.Object{pa(strict, ours("a", "p"))},
			want:         []client.Object{pa(strict, ours("a", "p", "q"))},
			wantRequests: []string{"apply by force PeerAuthentication a"},
			wantOutcome:  []string{"Updated a"},
		},
		"a revision that is not wanted": {
			live:         []client.Object{pa(strict, with(ours("a", "p"), func(m *metav1.ObjectMeta) { m.Labels["istio.io/rev"] = "canary" }))},
			want:         []client.Object{pa(strict, ours("a", "p"))},
			wantRequests: []string{"apply by force PeerAuthentication a"},
			wantOutcome:  []string{"Updated a"},
		},
		"tightening: clients, gateways, servers": {
			want: []client.Object{
				pa(strict, ours("a", "p")), dr("h", ours("d", "p")), gw(networkingapi.ServerTLSSettings_MUTUAL, ours("g", "p")),
			},
			live:         []client.Object{gw(networkingapi.ServerTLSSettings_SIMPLE, ours("g", "p"))},
			wantRequests: []string{"apply DestinationRule d", "apply by force Gateway g", "apply PeerAuthentication a"},
			wantOutcome:  []string{"Created d", "Updated g", "Created a"},
		},
		"loosening: servers, gateways, clients": {
			live: []client.Object{
				pa(strict, ours("a", "p")), dr("h", ours("d", "p")), gw(networkingapi.ServerTLSSettings_MUTUAL, ours("g", "p")),
			},
			want: []client.Object{
				pa(permissive, ours("a", "p")), dr("i", ours("d", "p")), gw(networkingapi.ServerTLSSettings_SIMPLE, ours("g", "p")),
			},
			wantRequests: []string{"apply by force PeerAuthentication a", "apply by force Gateway g", "apply by force DestinationRule d"},
			wantOutcome:  []string{"Updated a", "Updated g", "Updated d"},
		},
		"what is not wanted goes last, the loosest first": {
			live:         []client.Object{pa(permissive, ours("a", "p")), pa(strict, ours("b", "p")), dr("h", ours("d", "p"))},
			want:         []client.Object{gw(networkingapi.ServerTLSSettings_SIMPLE, ours("g", "p"))},
			wantRequests: []string{"apply Gateway g", "delete PeerAuthentication b", "delete DestinationRule d", "delete PeerAuthentication a"},
			wantOutcome:  []string{"Created g", "Pruned b", "Pruned d", "Pruned a"},
		},
		"what is not ours is neither written nor deleted": {
			live:        []client.Object{pa(strict, foreign("a")), pa(strict, foreign("b"))},
			want:        []client.Object{pa(permissive, ours("a", "p"))},
			wantOutcome: []string{"NotOwned a"},
		},
		"of two objects of one name the one for the same pods stays": {
			live:        []client.Object{paFor("b", strict, ours("a", "q"))},
			want:        []client.Object{pa(disable, ours("a", "p")), paFor("b", strict, ours("a", "q"))},
			wantOutcome: []string{"NameCollision a"},
		},
		"of two new objects of one name the first is written": {
			want:         []client.Object{pa(strict, ours("a", "p")), paFor("b", disable, ours("a", "q"))},
			wantRequests: []string{"apply PeerAuthentication a"},
			wantOutcome:  []string{"Created a", "NameCollision a"},
		},
		"what somebody labelled as ours is neither written nor deleted": {
			live:        []client.Object{pa(strict, ours("a")), pa(strict, ours("b"))},
			want:        []client.Object{pa(permissive, ours("a", "p"))},
			wantOutcome: []string{"NotOwned a"},
		},
		"what somebody copied from us is neither written nor deleted": {
			live: []client.Object{pa(strict, with(ours("a", "p"), func(m *metav1.ObjectMeta) {
				m.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl-create"}}
			}))},
			want:         []client.Object{pa(strict, ours("c", "p"))},
			wantRequests: []string{"apply PeerAuthentication c"},
			wantOutcome:  []string{"Created c"},
		},
		"an object that is not ours holds back its policy and no other": {
			live:         []client.Object{dr("h", foreign("d")), pa(strict, ours("stale", "p")), paFor("b", strict, ours("other", "q"))},
			want:         []client.Object{dr("h", ours("d", "p")), pa(strict, ours("a", "p")), paFor("b", strict, ours("b", "q"))},
			wantRequests: []string{"apply PeerAuthentication b", "delete PeerAuthentication other"},
			wantOutcome:  []string{"Created b", "Pruned other", "NotOwned d", "ApplyFailed a"},
		},
		"a right that is missing holds back what covers the same pods, and no other": {
			live: []client.Object{
				pa(permissive, ours("a", "p")), pa(strict, ours("same", "q")), paFor("b", strict, ours("others", "r")), dr("h", ours("d", "s")),
			},
			want:         []client.Object{pa(strict, ours("a", "p")), paFor("", permissive, ours("namespace", "t"))},
			refuse:       map[string]error{"a": forbidden},
			wantRequests: []string{"apply PeerAuthentication namespace", "apply by force PeerAuthentication a", "delete PeerAuthentication others", "delete DestinationRule d"},
			wantOutcome:  []string{"Created namespace", "Pruned others", "Pruned d", "ApplyFailed a"},
		},
		"a failed write holds back later phases and every deletion": {
			live:         []client.Object{pa(strict, ours("stale", "q"))},
			want:         []client.Object{dr("h", ours("d", "p")), dr("i", ours("e", "p")), pa(strict, ours("a", "q"))},
			refuse:       map[string]error{"d": refused},
			wantRequests: []string{"apply DestinationRule d", "apply DestinationRule e"},
			wantOutcome:  []string{"Created e", "ApplyFailed d", "ApplyFailed a", "PruneFailed stale"},
		},
		"a kind that the cluster does not know": {
			want:         []client.Object{dr("h", ours("d", "p")), pa(strict, ours("a", "q"))},
			refuse:       map[string]error{"d": noKind},
			wantRequests: []string{"apply DestinationRule d", "apply PeerAuthentication a"},
			wantOutcome:  []string{"Created a", "IstioCRDsMissing d"},
		},
		"a deletion that fails does not stop the others": {
			live:         []client.Object{dr("h", ours("d", "p")), dr("i", ours("e", "p"))},
			refuse:       map[string]error{"d": refused},
			wantRequests: []string{"delete DestinationRule d", "delete DestinationRule e"},
			wantOutcome:  []string{"Pruned e", "PruneFailed d"},
		},
		"what belongs to a policy to be kept stays": {
			live:         []client.Object{pa(strict, ours("a", "p", "q")), pa(strict, ours("b", "q"))},
			keep:         []types.UID{"p"},
			wantRequests: []string{"delete PeerAuthentication b"},
			wantOutcome:  []string{"Pruned b"},
		},
		"what is being deleted is not deleted again": {
			live: []client.Object{pa(strict, with(ours("a", "p"), func(m *metav1.ObjectMeta) { m.DeletionTimestamp = &gone }))},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{refuse: tc.refuse}
			got := Applier{Client: s, Contests: NewContests(), Pace: NewPace(0)}.Apply(t.Context(), Work{Live: objectsOf(tc.live...), Want: objectsOf(tc.want...), Keep: sets.New(tc.keep...)})
			if diff := cmp.Diff(sortedRuns(tc.wantRequests), sortedRuns(s.requests)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			gotOutcome, wantOutcome := outcome(got), tc.wantOutcome
			slices.Sort(gotOutcome)
			slices.Sort(wantOutcome)
			if diff := cmp.Diff(wantOutcome, gotOutcome); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

// sortedRuns orders neighbours of one kind: they are of one phase here, and sent in any order.
func sortedRuns(requests []string) []string {
	sorted := slices.Clone(requests)
	for i := 1; i < len(sorted); i++ {
		before, after := sorted[i-1], sorted[i]
		if before[:strings.LastIndex(before, " ")] == after[:strings.LastIndex(after, " ")] && after < before {
			sorted[i-1], sorted[i] = after, before
		}
	}
	return sorted
}

func TestApplyIsExact(t *testing.T) {
	foreignPort := func(obj object) {
		spec := &verbatim.Plain(obj).(*istiosecurityv1.PeerAuthentication).Spec
		accepts(strict, map[uint32]mode{8080: disable}).DeepCopyInto(spec)
	}
	s := &server{add: foreignPort}

	live := pa(strict, ours("a", "p"))
	foreignPort(live)
	got := Applier{Client: s, Contests: NewContests(), Pace: NewPace(0)}.Apply(t.Context(), Work{Live: objectsOf(live), Want: objectsOf(pa(strict, ours("a", "p")))})

	if diff := cmp.Diff([]string{"apply by force PeerAuthentication a", "replace PeerAuthentication a"}, s.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Updated a"}, outcome(got)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func TestOthersOnSpec(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	tests := map[string]struct {
		entry metav1.ManagedFieldsEntry
		want  bool
	}{
		"another manager in the spec":          {entry("kubectl", "", `{"f:spec":{"f:mtls":{}}}`), true},
		"another manager on the revision":      {entry("kubectl", "", `{"f:metadata":{"f:labels":{"f:istio.io/rev":{}}}}`), true},
		"another manager on labels of its own": {entry("argocd", "", `{"f:metadata":{"f:labels":{"f:argocd":{}}}}`), false},
		"istiod on the status":                 {entry("pilot", "status", `{"f:status":{}}`), false},
		"we in the spec":                       {entry("meshtls", "", `{"f:spec":{"f:mtls":{}}}`), false},
		"nothing readable":                     {entry("kubectl", "", `{`), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := len(othersOnSpec([]metav1.ManagedFieldsEntry{tc.entry})) == 1; got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
