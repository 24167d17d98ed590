package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// CheckStrictWouldRefuse is the name of what WouldRefuse finds.
const CheckStrictWouldRefuse = "accept-strict-would-refuse"

// StrictTargets returns the workloads that are Strict at a port at least, a target for each namespace.
func StrictTargets(v *mesh.View, pods Pods) []evidence.Target {
	byNamespace := map[string][]*model.Workload{}
	var namespaces []string
	for _, w := range v.Workloads() {
		if !Reports(w) || !someStrict(v.Accept(w)) {
			continue
		}
		if byNamespace[w.Namespace] == nil {
			namespaces = append(namespaces, w.Namespace)
		}
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	slices.Sort(namespaces)
	targets := make([]evidence.Target, 0, len(namespaces))
	for _, namespace := range namespaces {
		targets = append(targets, TargetOf(v, byNamespace[namespace], pods))
	}
	return targets
}

// someStrict reports whether a workload is Strict, or one of its ports is.
func someStrict(a istio.Acceptance) bool {
	return a.Workload.Mode == meshtlsv1alpha1.AcceptStrict ||
		slices.ContainsFunc(a.Ports, func(p istio.AcceptedPort) bool { return p.Mode == meshtlsv1alpha1.AcceptStrict })
}

func strictAt(v *mesh.View, w *model.Workload, port int32) bool {
	return v.AcceptedAt(w, port).Mode == meshtlsv1alpha1.AcceptStrict
}

// WouldRefuse returns a finding for each object that makes a workload Strict at a port that was called in another way than by mutual TLS of
// the mesh. Of a call whose port is not known that counts only if all the ports that it may have come to are Strict.
func WouldRefuse(v *mesh.View, calls []evidence.Call) []model.Finding {
	type place struct {
		decided istio.Origin
		server  evidence.Workload
	}
	refused := map[place][]evidence.Call{}
	for _, c := range calls {
		for _, w := range Named(v, c.Server) {
			if origin, strict := madeStrict(v, w, c); strict {
				at := place{origin, c.Server}
				refused[at] = append(refused[at], c)
				break
			}
		}
	}
	var findings []model.Finding
	for at, calls := range refused {
		for _, subject := range behind(v, at.decided) {
			findings = append(findings, wouldRefuse(subject, at.server, calls))
		}
	}
	slices.SortFunc(findings, func(a, b model.Finding) int {
		return cmp.Or(strings.Compare(a.Subject.String(), b.Subject.String()), strings.Compare(a.Field, b.Field),
			strings.Compare(a.Message, b.Message))
	})
	return findings
}

// madeStrict returns what makes the workload Strict at the port that was called, or at each that may have been. Where nothing is known of
// its ports, it is the workload as a whole.
func madeStrict(v *mesh.View, w *model.Workload, c evidence.Call) (istio.Origin, bool) {
	ports := c.Candidates
	if c.Port != 0 {
		ports = []int32{c.Port}
	}
	if whole := v.Accept(w); len(ports) == 0 && len(whole.Ports) == 0 {
		return whole.Workload.Origin, whole.Workload.Mode == meshtlsv1alpha1.AcceptStrict
	}
	if len(ports) == 0 || slices.ContainsFunc(ports, func(port int32) bool { return !strictAt(v, w, port) }) {
		return istio.Origin{}, false
	}
	return v.AcceptedAt(w, ports[0]).Origin, true
}

// subject is what a finding is about.
type subject struct {
	object model.ObjectRef
	field  string
}

// behind returns the policies that the operator has written the object for; of an object that others wrote, that object.
func behind(v *mesh.View, decided istio.Origin) []subject {
	for _, pa := range v.PeerAuthentications() {
		if model.RefOf(model.KindPeerAuthentication, pa) != decided.Object || !model.Ours(pa) {
			continue
		}
		var policies []subject
		for _, owner := range pa.OwnerReferences {
			if model.OfPolicy(owner) {
				policy := model.PolicyRef(types.NamespacedName{Namespace: pa.Namespace, Name: owner.Name})
				policies = append(policies, subject{object: policy, field: "spec.accept"})
			}
		}
		return policies
	}
	return []subject{{object: decided.Object, field: decided.Field}}
}

func wouldRefuse(about subject, server evidence.Workload, calls []evidence.Call) model.Finding {
	words := fmt.Sprintf("Strict would refuse calls of %s.", server)
	for _, c := range calls[:min(most, len(calls))] {
		words += " " + sentence(c)
	}
	if more := len(calls) - most; more > 0 {
		words += fmt.Sprintf(" And %d more.", more)
	}
	return model.Finding{
		Check: CheckStrictWouldRefuse, Severity: meshtlsv1alpha1.SeverityWarning, Subject: about.object, Field: about.field, Message: words,
		Remedy: "Let these clients use mutual TLS of the mesh first, or leave the port Permissive.",
	}
}

// sentence says who called, and why that is not mutual TLS of the mesh.
func sentence(c evidence.Call) string {
	words := callerWords(c)
	if len(c.Why) == 0 {
		return words + "."
	}
	return words + ": " + strings.Join(c.Why, " ")
}

// callerWords say who called, how often, and when last.
func callerWords(c evidence.Call) string {
	who := c.Client.String()
	if !c.Client.Known() {
		who = "A client that is not known"
	}
	words := fmt.Sprintf("%s (%d)", who, c.Count)
	if c.Port != 0 {
		words = fmt.Sprintf("%s at port %d (%d)", who, c.Port, c.Count)
	}
	if !c.LastSeen.IsZero() {
		words = strings.TrimSuffix(words, ")") + c.LastSeen.UTC().Format(", last 2006-01-02 15:04Z)")
	}
	return words
}
