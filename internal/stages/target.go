package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/rollout"
	"github.com/meshtls/meshtls/internal/traffic"
	"github.com/meshtls/meshtls/internal/translate"
)

// The defaults of the API, for policies that no API server has filled in.
const (
	defaultObserve   = 24 * time.Hour
	defaultProbation = 30 * time.Minute
)

// specOf reads what the policy asks for.
func specOf(p *meshtlsv1alpha1.MeshTLSPolicy) rollout.Spec {
	asked := p.Spec.Accept.Rollout
	spec := rollout.Spec{
		ID: idOf(p), Observe: durationOf(asked.Observe, defaultObserve), Gate: asked.Gate, Approve: asked.Approve, Paused: asked.Paused,
		Probation: durationOf(asked.Probation, defaultProbation), OnRefusal: asked.OnRefusal,
	}
	if spec.Gate == "" {
		spec.Gate = rollout.GateEvidence
	}
	return spec
}

// durationOf reads a time that the API has let in.
func durationOf(words string, otherwise time.Duration) time.Duration {
	if length, err := time.ParseDuration(words); err == nil {
		return length
	}
	return otherwise
}

// idOf stands for what is asked for, less whether it is paused and what is done to see more.
func idOf(p *meshtlsv1alpha1.MeshTLSPolicy) string {
	asked := *p.Spec.Accept.Rollout
	asked.Paused, asked.Evidence = false, nil
	encoded, _ := json.Marshal([]any{asked, p.Spec.Workload}) // values of plain types: it cannot fail
	sum := sha256.Sum256(encoded)
	const digits = 8
	return hex.EncodeToString(sum[:digits])
}

// target is a rollout with the mesh as it is.
type target struct {
	translate.Rollout
	view *mesh.View
	// written are the PeerAuthentications with a selector that the policy alone owns.
	written []*istiosecurityv1.PeerAuthentication
	// audits is the audit policy that the policy owns; nil: there is none.
	audits *istiosecurityv1.AuthorizationPolicy
}

// force returns what is in force for the target.
func (t target) force() rollout.Force {
	f := rollout.Force{Waits: t.waits(), Mode: mesh.InForce(t.view, t.Policy.Namespace, t.Selector), Floor: t.Floor}
	if t.perWorkload() && f.Mode != meshtlsv1alpha1.AcceptStrict {
		t.addWorkloads(&f)
	}
	if len(t.Selector) == 0 {
		return f
	}
	for _, port := range traffic.PortsOf(t.view, mesh.Carried(t.view, t.Namespace, t.Selector)) {
		if slices.Contains(t.OwnPorts, port.Number) {
			continue
		}
		unit := rollout.Unit{Port: port.Number}
		// Of a port without a declared protocol the switch closes the connections to all ports, as the last step does.
		if port.Protocol != "" {
			f.Units = append(f.Units, unit)
		}
		if f.Mode != meshtlsv1alpha1.AcceptStrict && mesh.StrictInForce(t.view, t.Namespace, t.Selector, port.Number) {
			f.Strict = append(f.Strict, unit)
		}
	}
	return f
}

// waits says why there is nothing to roll out to yet; empty: there is.
func (t target) waits() string {
	accepted := apimeta.FindStatusCondition(t.Policy.Status.Conditions, meshtlsv1alpha1.ConditionAccepted)
	switch {
	case t.Unresolved:
		return "The Service of spec.workload.service is missing, or has no selector."
	case accepted != nil && accepted.Status == metav1.ConditionFalse && accepted.ObservedGeneration == t.Policy.Generation:
		return "The policy is not accepted: see the condition Accepted."
	case t.Namespace != "" && len(mesh.Carried(t.view, t.Namespace, t.Selector)) == 0:
		return "No pod of the target has a proxy yet."
	default:
		return ""
	}
}
