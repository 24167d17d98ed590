package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pkg/workloadapi/security"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

const (
	// ambientMeshes is how many meshes are made, each with ambientNamespaces that share its root namespace.
	ambientMeshes     = 40
	ambientNamespaces = 60
)

// TestAgreesWithIstioOnAmbient compares what ztunnel is told to refuse.
func TestAgreesWithIstioOnAmbient(t *testing.T) {
	var tally tally
	for seed := range ambientMeshes {
		w := newAmbientWorld(uint64(seed))
		generated := ambientFacts(t, w)
		found := differences(generated, ourAmbientFacts(w))
		tally.add(generated, len(found))
		if len(found) > 0 {
			t.Errorf("seed %d: %d disagreements:\n%s", seed, len(found), strings.Join(found[:min(shown, len(found))], "\n"))
		}
	}
	t.Logf("%d namespaces, %s", ambientMeshes*ambientNamespaces, &tally)
	oracle.Record(t, "differential, ambient", "%d namespaces, %d answers compared", ambientMeshes*ambientNamespaces, tally.total())
	tally.mustCover(t, "accept")
}

// newAmbientWorld gives each object an age of its own: of equal ones Istio takes any for ztunnel.
func newAmbientWorld(seed uint64) world {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	g.objects.Mesh = model.Mesh{RootNamespace: root}
	age := int64(0)
	if mode := securityapi.PeerAuthentication_MutualTLS_Mode(seed % 4); mode != securityapi.PeerAuthentication_MutualTLS_UNSET {
		mesh := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{Namespace: root, Name: "mesh"}}
		mesh.CreationTimestamp = metav1.Unix(1_700_000_000, 0)
		mesh.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: mode}
		g.objects.PeerAuthentications = append(g.objects.PeerAuthentications, mesh)
	}
	add := func(namespace string, count int) {
		for i := range count {
			age++
			pa := &istiosecurityv1.PeerAuthentication{ObjectMeta: g.meta(namespace, g.name("pa", i))}
			pa.CreationTimestamp = metav1.Unix(1_700_000_000+age, 0)
			g.fillPeer(pa)
			g.objects.PeerAuthentications = append(g.objects.PeerAuthentications, pa)
		}
	}
	add(root, g.IntN(3))
	for i := range ambientNamespaces {
		namespace := fmt.Sprintf("n%d", i)
		add(namespace, g.IntN(5))
		for j := range 2 {
			w := &model.Workload{Namespace: namespace, Example: fmt.Sprintf("pod-%d", j), Dataplane: model.DataplaneAmbient,
				Labels: map[string]string{"app": pick(&g, "s0", "s1", "client"), "tier": pick(&g, "x", "y")}}
			g.pods = append(g.pods, pod{Workload: w, ip: g.ip()})
		}
	}
	return g.world
}

func ourAmbientFacts(w world) facts {
	m, found := istio.New(w.objects), facts{}
	for _, p := range w.pods {
		acceptance := m.Accept(p.Workload)
		for _, port := range acceptPorts {
			found.put(string(acceptance.Port(port).Mode), "accept %s/%s:%d", p.Namespace, p.Example, port)
		}
	}
	return found
}

func ambientFacts(t *testing.T, w world) facts {
	t.Helper()
	told := oracle.Ambient(t, wireWorld(t, w))
	policies := map[string]*security.Authorization{}
	for _, content := range told.Policies {
		policy := &security.Authorization{}
		if err := proto.Unmarshal(content, policy); err != nil {
			t.Fatal(err)
		}
		policies[policy.Namespace+"/"+policy.Name] = policy
	}
	found := facts{}
	for _, workload := range told.Workloads {
		for _, port := range acceptPorts {
			mode := meshtlsv1alpha1.AcceptPermissive
			if refusesPlaintext(workload, policies, uint32(port)) {
				mode = meshtlsv1alpha1.AcceptStrict
			}
			found.put(string(mode), "accept %s/%s:%d", workload.Namespace, workload.Name, port)
		}
	}
	return found
}

// refusesPlaintext reads the rules as ztunnel does: one that denies and matches is enough; within it any group must match, in a
// group every rule, in a rule any match. A rule that the workload names and that does not exist denies nothing.
func refusesPlaintext(workload wire.Workload, policies map[string]*security.Authorization, port uint32) bool {
	for _, name := range workload.Policies {
		for _, group := range policies[name].GetGroups() {
			matches := true
			for _, rule := range group.Rules {
				matches = matches && anyMatches(rule.Matches, port)
			}
			if matches {
				return true
			}
		}
	}
	return false
}

// anyMatches knows the three conditions that Istio makes of a PeerAuthentication. Plaintext has no principal.
func anyMatches(matches []*security.Match, port uint32) bool {
	for _, match := range matches {
		matched := true
		for _, want := range match.DestinationPorts {
			matched = matched && want == port
		}
		for _, exempt := range match.NotDestinationPorts {
			matched = matched && exempt != port
		}
		if matched {
			return true
		}
	}
	return false
}
