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

// TestBystandersLoseNothing asks Istio what every client sends to every host and subset, before policies are applied and after: in every
// second world one policy, else up to three together. That may change only for those whom a policy names, and only in TLS; else an error
// of a policy says so, or, where only those that are named lose something, a warning.
func TestBystandersLoseNothing(t *testing.T) {
	var counted bystanders
	first := worlds.Setting(t, bystanderFirst, 0)
	t.Run("worlds", func(t *testing.T) {
		overSeeds(t, first, first+worlds.Setting(t, bystanderWorlds, defaultBystanderWorlds), func(t *testing.T, seed uint64) {
			t.Helper()
			counted.judge(t, seed)
		})
	})
	t.Logf("%d policies applied, alone or by threes; of what clients send unchanged: %d, changed as the policy says: %d, told as lost: %d",
		counted.policies, counted.same, counted.named, counted.told)
	oracle.Record(t, "bystanders of intent", "%d policies", counted.policies)
	if counted.named == 0 || counted.told == 0 {
		t.Error("no policy changed what a client sends, or none was told to take something: the property says too little")
	}
}

// judge applies policies of the world of a seed.
func (b *bystanders) judge(t *testing.T, seed uint64) {
	t.Helper()
	drawn, policies := applied(t, seed)
	if len(policies) == 0 {
		return
	}
	world := documents(t, drawn.Cluster)
	if hasForeign(seed) {
		world = world.With(documents(t, worlds.Foreign(seed, oracle.Written))...)
	}
	operated, err := oracle.Operate(t.Context(), world.With(documents(t, policies)...), birth(seed))
	if err != nil {
		t.Fatal(err)
	}
	revision := policies[0].Labels[meshtlsv1alpha1.LabelRevision]
	e := effectOf{operated: operated, before: oracle.NewMesh(t, world, revision), after: oracle.NewMesh(t, operated.World, revision)}
	for _, p := range policies {
		e.policies = append(e.policies, speaker{p, e.after})
	}
	b.compare(t, e)
}

// applied returns the world of a seed, and what is applied to it: one of its policies, or up to three of one control plane together.
func applied(t *testing.T, seed uint64) (worlds.Drawn, []*meshtlsv1alpha1.MeshTLSPolicy) {
	t.Helper()
	drawn := worlds.Wide(seed)
	if seed%2 == 0 {
		policies := admitted(t, drawn.Policies)
		if len(policies) == 0 {
			return drawn, nil
		}
		at := seed % uint64(len(policies))
		return drawn, policies[at : at+1]
	}
	drawn = worlds.Apt(drawn)
	policies := admitted(t, drawn.Policies)
	return drawn, slices.DeleteFunc(policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
		return p.Labels[meshtlsv1alpha1.LabelRevision] != policies[0].Labels[meshtlsv1alpha1.LabelRevision]
	})
}

// effectOf is what policies change.
type effectOf struct {
	policies      []speaker
	operated      oracle.Operated
	before, after *oracle.Mesh
}

// names reports whether a policy says what the pod sends to the cluster.
func (e effectOf) names(pod *corev1.Pod, proxy *oracle.Proxy, cluster string) bool {
	return slices.ContainsFunc(e.policies, func(s speaker) bool { return s.names(pod, proxy, cluster) })
}

// keys are the policies' names.
func (e effectOf) keys() []string {
	var keys []string
	for _, s := range e.policies {
		keys = append(keys, intent.KeyOf(s.MeshTLSPolicy).String())
	}
	return keys
}

// speaker is one policy in the world that it changed.
type speaker struct {
	*meshtlsv1alpha1.MeshTLSPolicy
	after *oracle.Mesh
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
				t.Errorf("policies %v: pod %s sends to %s: before %+v, after %+v, and no finding tells: %v", e.keys(),
					oracle.NameOf(pod), cluster, was, is, e.findings())
			}
		}
	}
	b.add(judged{policies: len(e.policies), same: same, named: named, told: told})
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
func (s speaker) names(pod *corev1.Pod, proxy *oracle.Proxy, cluster string) bool {
	_, _, host, _ := istiomodel.ParseSubsetKey(cluster)
	for _, send := range s.Spec.Send {
		if s.isClient(send, pod) && slices.ContainsFunc(send.Hosts, func(name string) bool {
			return hosts.CoversOrIs(hosts.Default.Qualify(name, s.Namespace), string(host))
		}) {
			return true
		}
	}
	if s.Spec.Accept == nil {
		return false
	}
	everywhere := s.Namespace == worlds.RootNamespace
	if s.isWide() && (everywhere || hosts.Default.Belongs(string(host), s.Namespace)) {
		return true // also where no pods are yet
	}
	return slices.ContainsFunc(proxy.Endpoints(cluster), func(at oracle.Endpoint) bool {
		return at.Pod != nil && at.Pod.Namespace == s.Namespace
	})
}

func (s speaker) isWide() bool { return s.Spec.Workload == nil && s.Spec.Gateway == nil }

func (s speaker) isClient(send meshtlsv1alpha1.Send, pod *corev1.Pod) bool {
	switch {
	case s.isWide():
		return send.Clients == meshtlsv1alpha1.ClientsAll || pod.Namespace == s.Namespace
	case pod.Namespace != s.Namespace:
		return false
	}
	return labels.SelectorFromSet(s.selector()).Matches(labels.Set(pod.Labels))
}

// selector is that of the policy's target.
func (s speaker) selector() labels.Set {
	target := s.Spec.Workload
	if target == nil {
		target = s.Spec.Gateway
	}
	if target.Selector != nil {
		return target.Selector.MatchLabels
	}
	services := s.after.Services()
	for i := range services {
		if services[i].Namespace == s.Namespace && services[i].Name == target.Service {
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

// bystanders counts for all worlds.
type bystanders struct {
	mutex sync.Mutex
	judged
}

// judged counts the policies, and what clients send to clusters by what became of it.
type judged struct{ policies, same, named, told int }

func (b *bystanders) add(more judged) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.policies, b.same, b.named, b.told = b.policies+more.policies, b.same+more.same, b.named+more.named, b.told+more.told
}
