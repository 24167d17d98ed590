package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/pods"
)

// rival is a rendered object that selects pods, of which Istio honours only one for each pod.
type rival struct {
	ref model.ObjectRef
	// created is zero for an object that is not in the cluster yet: it will be the youngest.
	created  time.Time
	selector map[string]string
	owners   []metav1.OwnerReference
	// says returns what the object says, apart from whose pods it is about: those that say the same do no harm to each other.
	says func() proto.Message
}

// meeting is where two rivals meet: the winner is the older, or the first by name.
type meeting struct {
	winner, loser int
}

// acceptOverlapsOlder tells of pods that two PeerAuthentications of ours select: Istio uses the older for them, and only that one.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication; order in pilot/pkg/model/config.go.
func acceptOverlapsOlder(w world) []model.Finding {
	born := births(w.snapshot.PeerAuthentications)
	byRevision := map[string][]rival{}
	for _, pa := range w.objects.PeerAuthentications {
		if pa.Spec.Selector == nil {
			continue
		}
		revision := pa.Labels[meshtlsv1alpha1.LabelRevision]
		byRevision[revision] = append(byRevision[revision], rival{
			ref:     model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: pa.Namespace, Name: pa.Name},
			created: born[pa.Name], selector: pa.Spec.Selector.MatchLabels, owners: pa.OwnerReferences,
			says: func() proto.Message {
				spec := proto.CloneOf(&pa.Spec)
				spec.Selector = nil
				return spec
			},
		})
	}
	return w.overlaps(byRevision, "spec.accept", "accepted")
}

// sendOverlapsOlder tells of pods that two DestinationRules of ours with a workload selector select for one host.
// Source: istio pilot/pkg/model/sidecar.go, SidecarScope.DestinationRule (the first that matches).
func sendOverlapsOlder(w world) []model.Finding {
	born := births(w.snapshot.DestinationRules)
	byHost := map[string][]rival{}
	for _, dr := range w.objects.DestinationRules {
		if dr.Spec.WorkloadSelector == nil {
			continue
		}
		host := dr.Labels[meshtlsv1alpha1.LabelRevision] + "/" + dr.Spec.Host
		byHost[host] = append(byHost[host], rival{
			ref:     model.ObjectRef{Kind: model.KindDestinationRule, Namespace: dr.Namespace, Name: dr.Name},
			created: born[dr.Name], selector: dr.Spec.WorkloadSelector.MatchLabels, owners: dr.OwnerReferences,
			says: func() proto.Message {
				spec := proto.CloneOf(&dr.Spec)
				spec.WorkloadSelector = nil
				return spec
			},
		})
	}
	return w.overlaps(byHost, "spec.send", "sent")
}

// births are the creation times of live objects.
func births[T metav1.Object](live []T) map[string]time.Time {
	born := make(map[string]time.Time, len(live))
	for _, o := range live {
		born[o.GetName()] = o.GetCreationTimestamp().Time
	}
	return born
}

func (w world) overlaps(groups map[string][]rival, field, verb string) []model.Finding {
	var findings []model.Finding
	for _, rivals := range groups {
		if len(rivals) < 2 {
			continue
		}
		slices.SortFunc(rivals, older)
		for m, n := range w.meetings(rivals) {
			findings = append(findings, w.told(rivals, m, n, field, verb)...)
		}
	}
	return findings
}

// older orders rivals as Istio does: by age, then by name.
func older(a, b rival) int {
	if a.created.IsZero() != b.created.IsZero() {
		if a.created.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.created.Compare(b.created), strings.Compare(a.ref.Name, b.ref.Name))
}

// meetings counts the pods for which one rival silences another. Each pod shape is looked at once for each rival
// that selects it.
func (w world) meetings(rivals []rival) map[meeting]int {
	counts := map[meeting]int{}
	winners := map[int]int{} // pod shape → the oldest rival that selects it
	for i, r := range rivals {
		for _, at := range w.pods.At(r.selector) {
			winner, taken := winners[at]
			switch {
			case !taken:
				winners[at] = i
			case !proto.Equal(rivals[winner].says(), r.says()):
				counts[meeting{winner: winner, loser: i}] += w.snapshot.Workloads[at].Count
			}
		}
	}
	return counts
}

// told tells the policies behind the loser.
func (w world) told(rivals []rival, m meeting, n int, field, verb string) []model.Finding {
	winner, loser := rivals[m.winner], rivals[m.loser]
	total := pods.Count(w.pods.Selected(loser.selector))
	findings := make([]model.Finding, 0, len(loser.owners))
	for _, owner := range loser.owners {
		findings = append(findings, model.Finding{
			Severity: meshtlsv1alpha1.SeverityError,
			Policy:   namespaced(loser.ref.Namespace, owner.Name),
			Object:   winner.ref,
			Field:    field,
			Message: fmt.Sprintf("For %d of the %d pods, what is %s is decided by %s alone (from MeshTLSPolicy %s), which selects them too and comes first (Istio takes the oldest).",
				n, total, verb, winner.ref, ownerNames(winner.owners)),
			Remedy:    "Make the targets of the two policies equal, so that they are folded, or disjoint.",
			Condition: meshtlsv1alpha1.ConditionEffective,
			Reason:    meshtlsv1alpha1.ReasonOverlapped,
		})
	}
	return findings
}

func namespaced(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

func ownerNames(owners []metav1.OwnerReference) string {
	names := make([]string, len(owners))
	for i, o := range owners {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}
