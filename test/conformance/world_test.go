package conformance_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	meshtlscrd "github.com/meshtls/meshtls/config/crd"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source/admission"
	"github.com/meshtls/meshtls/internal/verbatim"
	"github.com/meshtls/meshtls/test/conformance/intent"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

func randomWorld(t *testing.T, seed uint64) world {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	return settledWorld(t, seed, worlds.Drawn{Cluster: cluster, Policies: policies})
}

// aptWorld returns a wide world whose policies speak of what is there, with the operator's objects.
func aptWorld(t *testing.T, seed uint64) world {
	t.Helper()
	return settledWorld(t, seed, worlds.Apt(worlds.Wide(seed)))
}

// settledWorld returns the drawn world in which the operator has come to rest.
func settledWorld(t *testing.T, seed uint64, drawn worlds.Drawn) world {
	t.Helper()
	policies := admitted(t, drawn.Policies)
	objects := documents(t, drawn.Cluster).With(documents(t, policies)...)
	if hasForeign(seed) {
		objects = objects.With(documents(t, worlds.Foreign(seed, oracle.Written))...)
	}
	born := birth(seed)
	if drawn.Before != nil {
		objects = objects.With(writtenBefore(t, drawn.Before, born)...)
	}
	operated, err := oracle.Operate(t.Context(), objects, born)
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, operated, policies)
}

func documents[T client.Object](t *testing.T, objects []T) oracle.World {
	t.Helper()
	world, err := oracle.Of(objects)
	if err != nil {
		t.Fatal(err)
	}
	admitted, err := oracle.Admitted(world)
	if err != nil {
		t.Fatal(err)
	}
	return admitted
}

// writtenBefore returns what the operator wrote for what the world was.
func writtenBefore(t *testing.T, past *worlds.Past, born compile.Birth) oracle.World {
	t.Helper()
	objects := documents(t, past.Cluster).With(documents(t, admitted(t, past.Policies))...)
	operated, err := oracle.Operate(t.Context(), objects, born)
	if err != nil {
		t.Fatal(err)
	}
	return operated.Rendered
}

// birth is when the operator wrote its objects: in every second world all at once, else one by one, in any order.
func birth(seed uint64) compile.Birth {
	if seed%2 == 0 {
		return oracle.AllAtOnce
	}
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- repeatable on purpose
	born := map[string]metav1.Time{}
	return func(o model.Object) metav1.Time {
		key := o.GetObjectKind().GroupVersionKind().Kind + o.GetNamespace() + o.GetName()
		if _, known := born[key]; !known {
			born[key] = metav1.NewTime(oracle.Written.Add(time.Duration(random.IntN(1000)) * time.Hour))
		}
		return born[key]
	}
}

func newWorld(t *testing.T, operated oracle.Operated, policies []*meshtlsv1alpha1.MeshTLSPolicy) world {
	t.Helper()
	w := world{
		operated: operated, ready: map[string]string{}, messages: map[string]string{},
		spoken: intent.World{Root: worlds.RootNamespace, Now: oracle.Written},
	}
	for _, p := range policies {
		status, found := operated.Status(intent.KeyOf(p))
		if !found {
			t.Fatalf("%s has no status", intent.KeyOf(p))
		}
		p.Status.Rollout = status.Rollout
		ready := apimeta.FindStatusCondition(status.Conditions, meshtlsv1alpha1.ConditionReady)
		w.ready[intent.KeyOf(p).String()], w.messages[intent.KeyOf(p).String()] = ready.Reason, ready.Message
		if ready.Reason == meshtlsv1alpha1.ReasonRollingOut {
			w.ready[intent.KeyOf(p).String()] = meshtlsv1alpha1.ReasonReady // what its stage asks for is in force
		}
		if !apimeta.IsStatusConditionFalse(status.Conditions, meshtlsv1alpha1.ConditionAccepted) {
			w.spoken.Policies = append(w.spoken.Policies, p)
		}
	}
	return w
}

// judgeOf loads the objects.
func judgeOf(t *testing.T, objects oracle.World, revision string) intent.Judge {
	t.Helper()
	return intent.Judge{
		Mesh: oracle.NewMesh(t, objects, revision),
		Bare: sync.OnceValue(func() *oracle.Mesh {
			return oracle.NewMesh(t, objects.Without(oracle.OfKind(model.KindDestinationRule)), revision)
		}),
	}
}

// complete tells the interpreter of the pods, Services and ServiceEntries.
func complete(ctx context.Context, spoken *intent.World, mesh *oracle.Mesh, objects oracle.World) error {
	reader, err := objects.Read(ctx)
	if err != nil {
		return err
	}
	var entries istionetworkingv1.ServiceEntryList
	var sidecars istionetworkingv1.SidecarList
	var rules verbatim.DestinationRuleList
	var authentications verbatim.PeerAuthenticationList
	for _, list := range []client.ObjectList{&entries, &sidecars, &rules, &authentications} {
		if err := reader.List(ctx, list); err != nil {
			return err
		}
	}
	spoken.Entries, spoken.Sidecars = entries.Items, sidecars.Items
	spoken.DestinationRules = slices.DeleteFunc(rules.Plain(), func(r *istionetworkingv1.DestinationRule) bool { return ours(r) })
	spoken.PeerAuthentications = slices.DeleteFunc(authentications.Plain(), func(a *istiosecurityv1.PeerAuthentication) bool { return ours(a) })
	spoken.Pods, spoken.Services, spoken.AutoMTLS = mesh.PodsServed(), mesh.Services(), mesh.AutoMTLS()
	spoken.RegistryOnly = mesh.RegistryOnly()
	return nil
}

func ours(o metav1.Object) bool {
	return o.GetLabels()[meshtlsv1alpha1.LabelManagedBy] == meshtlsv1alpha1.ManagedBy
}

// admitted returns the policies that the API server would take, with its defaults.
func admitted(t *testing.T, drawn []*meshtlsv1alpha1.MeshTLSPolicy) []*meshtlsv1alpha1.MeshTLSPolicy {
	t.Helper()
	schemas, err := loadSchemas()
	if err != nil {
		t.Fatal(err)
	}
	var policies []*meshtlsv1alpha1.MeshTLSPolicy
	for _, p := range drawn {
		content, err := worlds.Manifest(p)
		if err != nil {
			t.Fatal(err)
		}
		if errs := schemas[policyKind].Admit(t.Context(), content); len(errs) > 0 {
			continue
		}
		var policy meshtlsv1alpha1.MeshTLSPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &policy); err != nil {
			t.Fatal(err)
		}
		policies = append(policies, &policy)
	}
	return policies
}

var policyKind = meshtlsv1alpha1.GroupVersion.WithKind("MeshTLSPolicy")

var loadSchemas = sync.OnceValues(func() (admission.Schemas, error) {
	return admission.Load(bytes.NewReader(meshtlscrd.MeshTLSPolicy))
})

// hasForeign reports whether the world of a seed has other people's Istio objects: half of them, unless the environment says all (1)
// or none (0).
func hasForeign(seed uint64) bool {
	switch os.Getenv(variableForeign) {
	case "1":
		return true
	case "0":
		return false
	default:
		return seed/2%2 == 1
	}
}
