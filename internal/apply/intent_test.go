package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// The worlds of the property: two workloads with a Service each, and a namespace in a mesh.
const (
	seeds      = 2000
	everything = ""
	exactHost  = "a.shop.svc.cluster.local"
	wildHost   = "*.shop.svc.cluster.local"
	anyPort    = 0
	knownPort  = 1
)

var workloads = []string{"a", "b"}

// state is what is in the namespace: what each scope accepts by port, and what clients send to each host. An empty string stands for the
// namespace; zero for the workload as a whole.
type state struct {
	mesh    mode
	accepts map[string]map[uint32]mode
	sends   map[string]networkingapi.ClientTLSSettings_TLSmode
}

// accepted returns what Istio makes of it: the port's mode, the workload's, the namespace's, the mesh's.
func (s state) accepted(workload string, port uint32) mode {
	for _, m := range []mode{s.accepts[workload][port], s.accepts[workload][anyPort], s.accepts[everything][anyPort], s.mesh} {
		if m != unset {
			return m
		}
	}
	return permissive
}

// sent returns what clients of a send: as the rule of the host says, or the wildcard's, or else what auto mTLS does.
func (s state) sent() networkingapi.ClientTLSSettings_TLSmode {
	for _, name := range []string{exactHost, wildHost} {
		if m, is := s.sends[name]; is {
			return m
		}
	}
	return networkingapi.ClientTLSSettings_ISTIO_MUTUAL
}

func randomState(random *rand.Rand, mesh mode) state {
	modes := []mode{unset, strict, permissive, disable}
	s := state{mesh: mesh, accepts: map[string]map[uint32]mode{}, sends: map[string]networkingapi.ClientTLSSettings_TLSmode{}}
	if random.IntN(3) > 0 {
		s.accepts[everything] = map[uint32]mode{anyPort: modes[1+random.IntN(3)]}
	}
	for _, workload := range workloads {
		if random.IntN(2) == 0 {
			continue
		}
		s.accepts[workload] = map[uint32]mode{anyPort: modes[random.IntN(4)]}
		if random.IntN(2) == 0 {
			s.accepts[workload][knownPort] = modes[1+random.IntN(3)]
		}
	}
	sends := []networkingapi.ClientTLSSettings_TLSmode{networkingapi.ClientTLSSettings_DISABLE, networkingapi.ClientTLSSettings_SIMPLE}
	for _, host := range []string{exactHost, wildHost} {
		if random.IntN(2) == 0 {
			s.sends[host] = sends[random.IntN(2)]
		}
	}
	return s
}

// objects returns the state as objects, each of a policy of its own.
func (s state) objects() model.Objects {
	var objects model.Objects
	for _, workload := range slices.Sorted(maps.Keys(s.accepts)) {
		obj := &istiosecurityv1.PeerAuthentication{ObjectMeta: ours("accept-"+workload, "accept-"+workload)}
		ports := maps.Clone(s.accepts[workload])
		delete(ports, anyPort)
		accepts(s.accepts[workload][anyPort], ports).DeepCopyInto(&obj.Spec)
		obj.Spec.Selector.MatchLabels["app"] = workload
		if workload == everything {
			obj.Spec.Selector = nil
		}
		objects.PeerAuthentications = append(objects.PeerAuthentications, obj)
	}
	for _, host := range slices.Sorted(maps.Keys(s.sends)) {
		obj := dr(host, ours("send-"+strings.Trim(host, "*."), "send-"+host))
		obj.Spec.TrafficPolicy = &networkingapi.TrafficPolicy{Tls: &networkingapi.ClientTLSSettings{Mode: s.sends[host]}}
		objects.DestinationRules = append(objects.DestinationRules, obj)
	}
	return objects
}

// stateOf reads objects.
func stateOf(mesh mode, objects model.Objects) state {
	s := state{mesh: mesh, accepts: map[string]map[uint32]mode{}, sends: map[string]networkingapi.ClientTLSSettings_TLSmode{}}
	for _, obj := range objects.PeerAuthentications {
		modes := map[uint32]mode{anyPort: obj.Spec.GetMtls().GetMode()}
		for port, m := range obj.Spec.GetPortLevelMtls() {
			modes[port] = m.GetMode()
		}
		s.accepts[obj.Spec.GetSelector().GetMatchLabels()["app"]] = modes
	}
	for _, obj := range objects.DestinationRules {
		s.sends[obj.Spec.GetHost()] = obj.Spec.GetTrafficPolicy().GetTls().GetMode()
	}
	return s
}

// store keeps objects, fails some of the writes, and is looked at after each.
type store struct {
	client.Client // nil: any other request is a panic
	mu            sync.Mutex
	objects       map[string]object
	fail          func() error
	look          func()
}

func newStore(objects model.Objects) *store {
	s := &store{objects: map[string]object{}}
	for _, obj := range objects.All() {
		s.objects[obj.GetName()] = obj
	}
	return s
}

func (s *store) all() model.Objects {
	var list []client.Object
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		list = append(list, s.objects[name])
	}
	return objectsOf(list...)
}

func (s *store) Patch(ctx context.Context, obj client.Object, patch client.Patch, options ...client.PatchOption) error {
	if err := (&server{}).Patch(ctx, obj, patch, options...); err != nil {
		return err
	}
	return s.write(func() { s.objects[obj.GetName()] = obj.DeepCopyObject().(object) })
}

func (s *store) Delete(_ context.Context, obj client.Object, _ ...client.DeleteOption) error {
	return s.write(func() { delete(s.objects, obj.GetName()) })
}

func (s *store) write(change func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fail(); err != nil {
		return err
	}
	change()
	s.look()
	return nil
}

// run makes the objects of one state those of another in as many passes as it takes, and looks at each state between.
func run(t *testing.T, s *store, want state, pace *Pace, look func(state)) {
	t.Helper()
	mesh := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Name: "mesh"}}
	accepts(want.mesh, nil).DeepCopyInto(&mesh.Spec)
	mesh.Spec.Selector = nil
	s.look = func() { look(stateOf(want.mesh, s.all())) }
	for range 2000 {
		work := Work{
			Live: s.all(), Want: want.objects(), Mesh: []*istiosecurityv1.PeerAuthentication{mesh},
			Services: []model.Service{{Namespace: "shop", Name: "a", Selector: map[string]string{"app": "a"}}},
		}
		done := Applier{Client: s, Contests: NewContests(), Pace: pace}.Apply(t.Context(), work)
		if len(done.Failures) == 0 && len(done.Changes) == 0 && len(done.Unsettled) == 0 {
			return
		}
	}
	t.Error("it does not come to an end")
}

// paceOf is no pace, or one by which a change settles within some passes.
func paceOf(random *rand.Rand) *Pace {
	pace := NewPace(time.Duration(random.IntN(2)) * time.Second)
	now := time.Unix(0, 0)
	pace.now = func() time.Time {
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
		return now
	}
	return pace
}

// TestNeverWeakerThanBothIntents changes random worlds into others, with and without failures, and asks after each write whether any
// port accepts less, and any client sends more in plaintext, than both what was asked for before and what is asked for now.
func TestNeverWeakerThanBothIntents(t *testing.T) {
	failures := map[string]error{
		"nothing fails":               nil,
		"failures that pass":          errors.New("unavailable"),
		"failures that may last":      apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no right")),
		"failures of what is written": apierrors.NewInvalid(schema.GroupKind{}, "", nil),
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			for seed := range uint64(seeds) {
				random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's seed
				mesh := []mode{unset, strict, permissive, disable}[random.IntN(4)]
				before, after := randomState(random, mesh), randomState(random, mesh)
				s := newStore(before.objects())
				s.fail = func() error {
					if failure != nil && random.IntN(3) == 0 {
						return failure
					}
					return nil
				}
				run(t, s, after, paceOf(random), func(now state) {
					for _, problem := range weaker(before, now, after) {
						t.Errorf("seed %d: %s\nbefore %v\nnow    %v\nafter  %v", seed, problem, before, now, after)
					}
					if problem := refused(before, now, after); problem != "" {
						t.Errorf("seed %d: %s\nbefore %v\nnow    %v\nafter  %v", seed, problem, before, now, after)
					}
				})
				if t.Failed() {
					t.Fatalf("seed %d fails", seed)
				}
			}
			t.Logf("%d worlds in %s", seeds, time.Since(began).Round(time.Millisecond))
		})
	}
}

// weaker returns the ports and clients that are weaker than in both states.
func weaker(before, now, after state) []string {
	var problems []string
	for _, workload := range workloads {
		for _, port := range []uint32{anyPort, knownPort} {
			got := now.accepted(workload, port)
			least := min(strengthOfMode(before.accepted(workload, port)), strengthOfMode(after.accepted(workload, port)))
			if strengthOfMode(got) < least {
				problems = append(problems, fmt.Sprintf("%s:%d accepts %s", workload, port, got))
			}
		}
	}
	if plaintext := networkingapi.ClientTLSSettings_DISABLE; now.sent() == plaintext && before.sent() != plaintext && after.sent() != plaintext {
		problems = append(problems, "clients of a send plaintext")
	}
	return problems
}

// refused says that a server turned Strict before its clients use mutual TLS. Where it was Disable, no order of writes is free of that.
func refused(before, now, after state) string {
	for _, port := range []uint32{anyPort, knownPort} {
		if was := before.accepted("a", port); was == strict || was == disable {
			continue
		}
		if refuses(now, port) && !refuses(before, port) && !refuses(after, port) {
			return fmt.Sprintf("a:%d is %s, and its clients send %s", port, now.accepted("a", port), now.sent())
		}
	}
	return ""
}

func refuses(s state, port uint32) bool {
	return s.accepted("a", port) == strict && s.sent() == networkingapi.ClientTLSSettings_DISABLE
}
