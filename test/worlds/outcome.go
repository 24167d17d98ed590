package worlds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Told is what there is to say about a policy: the arguments of status.Of.
type Told struct {
	Outcome  model.Outcome
	Mesh     model.Mesh
	Failures []model.Failure
}

// Hostile returns what could be said about a policy whose neighbours want its status not to be written: texts and lists of every
// length, in every alphabet. Only the names of objects, checks and reasons are as they must be.
func Hostile(seed uint64) Told {
	h := hostile{
		Rand:      rand.New(rand.NewPCG(seed, seed)), // #nosec G404 -- repeatable on purpose
		alphabets: []string{"a", " ", "é", "漢", "😀", "<", "\x00", "\u2028", "\xff", "\xf0\x9f", "e\u0301", "a, ", "\n"},
		lengths:   []int{0, 1, 127, 128, 1024, 1025, 8192, 32767, 32768, 32769, 40_000},
		counts:    []int{0, 0, 1, 2, 16, 17, 33, 65},
	}
	if h.IntN(4) == 0 { // all of one kind
		h.alphabets, h.lengths, h.counts = h.alphabets[h.IntN(13):][:1], h.lengths[10:], h.counts[7:]
	}
	o := model.Outcome{
		Policy:     types.NamespacedName{Namespace: "shop", Name: "payments"},
		UID:        "uid",
		Generation: 1 + int64(h.IntN(9)),
		Selector:   map[string]string{h.text(): h.text()},
		Target:     h.text(),
		Accepts:    many(h, h.text),
		Sends:      many(h, h.text),
		Asked:      h.IntN(3),
		Unresolved: h.IntN(2) == 0,
		Objects:    many(h, h.object),
		Findings:   many(h, h.finding),
	}
	if h.IntN(2) == 0 {
		o.Rollout, o.RolloutStalled = h.rollout(), h.IntN(2) == 0
	}
	if h.IntN(8) == 0 {
		o.Objects = slices.Repeat([]meshtlsv1alpha1.ObjectReference{h.object()}, 9000)
	}
	o.Accepted = h.IntN(o.Asked + 1)
	origin, ports := h.text(), many(h, h.text)
	for i := range pick(h, 0, 1, 32, 257) {
		o.AcceptPorts = append(o.AcceptPorts, meshtlsv1alpha1.AcceptPortStatus{
			Port: int32(i), Mode: meshtlsv1alpha1.AcceptStrict, Origin: origin, ServicePorts: ports,
		})
	}
	return Told{Outcome: o, Mesh: model.Mesh{Problem: h.text(), Unseen: h.text()}, Failures: h.failures(o.Objects)}
}

// rollout is one of whose clients the metrics say anything.
func (h hostile) rollout() *meshtlsv1alpha1.RolloutStatus {
	r := &meshtlsv1alpha1.RolloutStatus{
		Phase: meshtlsv1alpha1.RolloutBlocked, Mode: meshtlsv1alpha1.AcceptPermissive, Summary: "Blocked", Message: h.text(),
	}
	for range pick(h, 0, 1, 10) {
		r.Blockers = append(r.Blockers, meshtlsv1alpha1.RolloutBlocker{
			Client: h.text(), Server: h.text(), Service: h.text(), Protocol: h.text(), Hint: h.text(), Ports: []int32{8080},
		})
	}
	for i := range pick(h, 0, 1, 128) {
		w := meshtlsv1alpha1.RolloutWorkload{Name: fmt.Sprintf("workload-%d", i), Labels: "app=" + strings.Repeat("a", 250)}
		r.StrictWorkloads, r.KeptWorkloads = append(r.StrictWorkloads, w), append(r.KeptWorkloads, w)
	}
	return r
}

type hostile struct {
	*rand.Rand

	alphabets       []string
	lengths, counts []int
}

// text returns a text of one alphabet, at a length around a limit of the schema.
func (h hostile) text() string {
	alphabet, length := pick(h, h.alphabets...), pick(h, h.lengths...)
	return strings.Repeat(alphabet, length/len(alphabet)+1)
}

// many returns a list. Most of it is one item again and again: the API server sees no difference, and the test is faster.
func many[T any](h hostile, item func() T) []T {
	var list []T
	repeated := item()
	for i := range pick(h, h.counts...) {
		if i < 3 {
			list = append(list, item())
			continue
		}
		list = append(list, repeated)
	}
	return list
}

func (h hostile) object() meshtlsv1alpha1.ObjectReference {
	return meshtlsv1alpha1.ObjectReference{
		Kind: pick(h, model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway),
		Name: fmt.Sprintf("meshtls-%s-%d", strings.Repeat("a", h.IntN(200)), h.IntN(9)),
	}
}

func (h hostile) finding() model.Finding {
	condition := pick(h, "", meshtlsv1alpha1.ConditionAccepted, meshtlsv1alpha1.ConditionResolvedRefs, meshtlsv1alpha1.ConditionEffective)
	f := model.Finding{
		Check: "some-check", Severity: meshtlsv1alpha1.SeverityError, Field: h.text(), Message: h.text(), Remedy: h.text(),
		Condition: condition,
	}
	if condition != "" {
		f.Reason = meshtlsv1alpha1.ReasonShadowed
	}
	return f
}

// failures returns some for the objects, each with the words of a webhook.
func (h hostile) failures(objects []meshtlsv1alpha1.ObjectReference) []model.Failure {
	var failures []model.Failure
	for _, o := range objects[:min(len(objects), h.IntN(3))] {
		failures = append(failures, model.Failure{
			Object: model.ObjectRef{Kind: o.Kind, Namespace: "shop", Name: o.Name},
			Reason: pick(h, meshtlsv1alpha1.ReasonApplyFailed, meshtlsv1alpha1.ReasonPruneFailed, meshtlsv1alpha1.ReasonNotOwned),
			Err:    errors.New(h.text()),
		})
	}
	return failures
}

func pick[T any](h hostile, values ...T) T { return values[h.IntN(len(values))] }
