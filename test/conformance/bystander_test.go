package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	istiomodel "istio.io/istio/pilot/pkg/model"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/test/conformance/intent"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// bystanderWorlds is the number of random worlds, bystanderFirst the seed of the first.
	bystanderWorlds, bystanderFirst = "BYSTANDER_WORLDS", "BYSTANDER_FIRST"
	defaultBystanderWorlds          = 120
)

// losses are the checks that say who loses what by a policy.
var losses = []string{"send-changes-others", "send-wildcard-hides-rules"}

// TestBystandersLoseNothing asks Istio what every client sends to every host and subset, before one policy is applied and after. That may
// change only for those whom the policy names, and only in TLS; else an error of the policy says so, or, where only those that it names
// lose something, a warning.
func TestBystandersLoseNothing(t *testing.T) {
	var counted bystanders
	first := worlds.Setting(t, bystanderFirst, 0)
	t.Run("worlds", func(t *testing.T) {
		overSeeds(t, first, first+worlds.Setting(t, bystanderWorlds, defaultBystanderWorlds), func(t *testing.T, seed uint64) {
			t.Helper()
			counted.judge(t, seed)
		})
	})
	t.Logf("%d policies applied, each alone; of what clients send unchanged: %d, changed as the policy says: %d, told as lost: %d",
		counted.policies, counted.same, counted.named, counted.told)
	if counted.named == 0 || counted.told == 0 {
		t.Error("no policy changed what a client sends, or none was told to take something: the property says too little")
	}
}

// judge applies one policy of the world of a seed.
func (b *bystanders) judge(t *testing.T, seed uint64) {
	t.Helper()
	drawn := worlds.Wide(seed)
	policies := admitted(t, drawn.Policies)
	if len(policies) == 0 {
		return
	}
	p := policies[seed%uint64(len(policies))]
	world := documents(t, drawn.Cluster)
	if hasForeign(seed) {
		world = world.With(documents(t, worlds.Foreign(seed, oracle.Written))...)
	}
	operated, err := oracle.Operate(t.Context(), world.With(documents(t, []*meshtlsv1alpha1.MeshTLSPolicy{p})...), birth(seed))
	if err != nil {
		t.Fatal(err)
	}
	revision := p.Labels[meshtlsv1alpha1.LabelRevision]
	e := effectOf{policy: p, operated: operated,
		before: oracle.NewMesh(t, world, revision), after: oracle.NewMesh(t, operated.World, revision)}
	b.compare(t, e)
}

// effectOf is what one policy changes.
type effectOf struct {
	policy        *meshtlsv1alpha1.MeshTLSPolicy
	operated      oracle.Operated
	before, after *oracle.Mesh
}

func (b *bystanders) compare(t *testing.T, e effectOf) {
	t.Helper()
	pods, shown := e.after.Pods(), 0
	same, named, told := 0, 0, 0
	for i := range pods {
		pod := &pods[i]
		if !oracle.HasProxy(pod) {
			continue
		}
		proxy := e.after.Gateway(oracle.NameOf(pod))
		before, after := e.before.Gateway(oracle.NameOf(pod)).EverySent(), proxy.EverySent()
		for _, cluster := range slices.Sorted(maps.Keys(union(before, after))) {
			switch was, is := before[cluster], after[cluster]; {
			case fmt.Sprint(was) == fmt.Sprint(is):
				same++
			case e.names(pod, proxy, cluster) && besidesTLS(was) == besidesTLS(is):
				named++
			case e.tells(e.names(pod, proxy, cluster)):
				told++
			case shown < 3:
				shown++
				t.Errorf("policy %s: pod %s sends to %s: before %+v, after %+v, and no finding tells: %v", intent.KeyOf(e.policy),
					oracle.NameOf(pod), cluster, was, is, e.findings())
			}
		}
	}
	b.add(same, named, told)
}

func union(a, b map[string]oracle.Sent) map[string]oracle.Sent {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// besidesTLS returns what else a rule shapes.
func besidesTLS(s oracle.Sent) string {
	return fmt.Sprint(s.Mode == "", s.LoadBalancer, s.MaxConnections, s.Ejection)
}

// names reports whether the policy says what the pod sends to the cluster: by a send, or by what the pods accept that the cluster leads to.
func (e effectOf) names(pod *corev1.Pod, proxy *oracle.Proxy, cluster string) bool {
	_, _, host, _ := istiomodel.ParseSubsetKey(cluster)
	for _, send := range e.policy.Spec.Send {
		if e.isClient(send, pod) && slices.ContainsFunc(send.Hosts, func(name string) bool {
			return hosts.CoversOrIs(hosts.Default.Qualify(name, e.policy.Namespace), string(host))
		}) {
			return true
		}
	}
	if e.policy.Spec.Accept == nil {
		return false
	}
	everywhere := e.policy.Namespace == worlds.RootNamespace
	if e.isWide() && (everywhere || hosts.Default.Belongs(string(host), e.policy.Namespace)) {
		return true // also where no pods are yet
	}
	return slices.ContainsFunc(proxy.Endpoints(cluster), func(at oracle.Endpoint) bool {
		return at.Pod != nil && at.Pod.Namespace == e.policy.Namespace
	})
}

func (e effectOf) isWide() bool { return e.policy.Spec.Workload == nil && e.policy.Spec.Gateway == nil }

func (e effectOf) isClient(send meshtlsv1alpha1.Send, pod *corev1.Pod) bool {
	switch {
	case e.isWide():
		return send.Clients == meshtlsv1alpha1.ClientsAll || pod.Namespace == e.policy.Namespace
	case pod.Namespace != e.policy.Namespace:
		return false
	}
	return labels.SelectorFromSet(e.selector()).Matches(labels.Set(pod.Labels))
}

// selector is that of the policy's target.
func (e effectOf) selector() labels.Set {
	target := e.policy.Spec.Workload
	if target == nil {
		target = e.policy.Spec.Gateway
	}
	if target.Selector != nil {
		return target.Selector.MatchLabels
	}
	services := e.after.Services()
	for i := range services {
		if services[i].Namespace == e.policy.Namespace && services[i].Name == target.Service {
			return services[i].Spec.Selector
		}
	}
	return labels.Set{"no": "pods"}
}

// tells reports whether a finding says who loses what: a warning is enough for those whom the policy names.
func (e effectOf) tells(named bool) bool {
	return slices.ContainsFunc(e.findings(), func(f string) bool {
		severity, check, _ := strings.Cut(f, " ")
		return slices.Contains(losses, check) && (named || severity == string(meshtlsv1alpha1.SeverityError))
	})
}

func (e effectOf) findings() []string {
	var found []string
	for _, r := range e.operated.Results {
		for _, outcome := range r.Policies {
			for _, f := range outcome.Findings {
				found = append(found, string(f.Severity)+" "+f.Check)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// bystanders counts.
type bystanders struct {
	mutex                       sync.Mutex
	policies, same, named, told int
}

func (b *bystanders) add(same, named, told int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.policies++
	b.same, b.named, b.told = b.same+same, b.named+named, b.told+told
}
