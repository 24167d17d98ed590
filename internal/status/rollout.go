package status

import (
	"strings"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// rolledOutOf returns the condition of the policy's rollout, if it has one.
func rolledOutOf(o model.Outcome) (rolledOut metav1.Condition, rolling bool) {
	if o.Rollout == nil {
		return metav1.Condition{}, false
	}
	c := isFalse(meshtlsv1alpha1.ConditionRolledOut, string(o.Rollout.Phase), o.Rollout.Message)
	if o.Rollout.Phase == meshtlsv1alpha1.RolloutCompleted {
		c.Status = metav1.ConditionTrue
	}
	return c, true
}

// stallReason is why a rollout goes on only if somebody acts.
func stallReason(o model.Outcome) string {
	if o.Rollout.Phase == meshtlsv1alpha1.RolloutUndone {
		return meshtlsv1alpha1.ReasonRolloutUndone
	}
	return meshtlsv1alpha1.ReasonRolloutBlocked
}

// rolloutIn returns the rollout with as much of its texts as there is room for.
func (r room) rolloutIn(told *meshtlsv1alpha1.RolloutStatus) *meshtlsv1alpha1.RolloutStatus {
	if told == nil {
		return nil
	}
	in := *told
	in.Message = cut(told.Message, r.words)
	in.Blockers = nil
	for _, b := range told.Blockers[:min(len(told.Blockers), blockerRoom)] {
		b.Client, b.Server, b.Service = named(b.Client, clientRoom), named(b.Server, clientRoom), named(b.Service, nameRoom)
		b.Protocol, b.Hint = named(b.Protocol, protocolRoom), cut(b.Hint, min(r.words, hintRoom))
		in.Blockers = append(in.Blockers, b)
	}
	return &in
}

// named returns a name with as much of it as there is room for. What the metrics say is somebody else's and of any length.
func named(name string, room int) string {
	return firstCharacters(strings.ToValidUTF8(name, string(utf8.RuneError)), room)
}

// The room that the schema leaves for blockers, and for the texts of one.
const (
	blockerRoom  = 10
	clientRoom   = 320
	nameRoom     = 253
	protocolRoom = 16
	hintRoom     = 1024
)
