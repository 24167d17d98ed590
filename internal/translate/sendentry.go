package translate

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// sendEntry is a host of an element of spec.send.
type sendEntry struct {
	entryRef
	policy   *policyTarget
	set      sendSet
	audience model.Audience
	levels   []sendLevel
	// denied says why nothing may be sent to the host in this way; nil: it may.
	denied *model.Finding
	// notes are findings that hold however the entry is decided.
	notes []model.Finding
}

// sendLevel is what an entry sends to the destination, or to one of its ports.
type sendLevel struct {
	entryRef
	// port is 0 for the destination as a whole.
	port   int32
	tls    meshtlsv1alpha1.ClientTLS
	denied *model.Finding
}

// narrow reports whether the entry is for the pods of a selector only.
func (e *sendEntry) narrow() bool { return e.audience == model.AudienceWorkload }

// sendEntries lists the hosts that the policies send to, in order of precedence, with what speaks against each by itself.
func sendEntries(m sendMesh, policies []policyTarget) []sendEntry {
	var entries []sendEntry
	for i := range policies {
		p := &policies[i]
		for n := range p.Spec.Send {
			send := &p.Spec.Send[n]
			for h, host := range send.Hosts {
				e := sendEntry{
					entryRef: p.at(fmt.Sprintf("spec.send[%d].hosts[%d]", n, h)), policy: p, audience: audienceOf(p, send),
					set: sendSet{revision: p.revision(), host: m.domain().Qualify(host, p.Namespace), pods: p.set},
				}
				e.denied = sendDenial(m, &e)
				e.levels = levelsOf(m, &e, send)
				entries = append(entries, e)
			}
		}
	}
	return entries
}

func audienceOf(p *policyTarget, send *meshtlsv1alpha1.Send) model.Audience {
	switch {
	case p.target.scope == scopeWorkload || p.target.scope == scopeGateway:
		return model.AudienceWorkload
	case send.Clients == meshtlsv1alpha1.ClientsAll:
		return model.AudienceAll
	default:
		return model.AudienceNamespace
	}
}

// levelsOf lists what an entry sends: to the destination, where it has a mode for it, and to each port.
func levelsOf(m sendMesh, e *sendEntry, send *meshtlsv1alpha1.Send) []sendLevel {
	levels := make([]sendLevel, 0, len(send.Ports)+1)
	whole := configMapElsewhere(e.entryRef, send.ClientTLS)
	if send.Mode != "" {
		levels = append(levels, sendLevel{entryRef: e.entryRef, tls: m.decided(send.ClientTLS, e.set.hostKey()), denied: whole})
	}
	for i, port := range send.Ports {
		at := entryRef{policy: e.policy.MeshTLSPolicy, field: fmt.Sprintf("%s (ports[%d])", e.field, i)}
		levels = append(levels, sendLevel{
			entryRef: at, port: port.Port, tls: m.decided(port.ClientTLS, e.set.hostKey()),
			denied: firstOf(whole, autoBelowWildcard(at, send, port), configMapElsewhere(at, port.ClientTLS)),
		})
	}
	return levels
}

// sendClaims lists the levels of all entries, and what each claims.
func sendClaims(sent []sendEntry) (entries []entry, claims []sendClaim) {
	for i := range sent {
		e := &sent[i]
		for _, level := range e.levels {
			denied := firstOf(e.denied, level.denied)
			if denied == nil && e.policy.target.resolved() {
				claims = append(claims, sendClaim{
					entryRef: level.entryRef, entry: len(entries), key: sendKey{sendSet: e.set, port: level.port},
					value: sendValue{audience: e.audience, tls: level.tls},
				})
			}
			entries = append(entries, entry{entryRef: level.entryRef, denied: denied})
		}
		if len(e.levels) > 0 {
			entries[len(entries)-1].notes = e.notes
		}
	}
	return entries, claims
}

func firstOf(findings ...*model.Finding) *model.Finding {
	for _, f := range findings {
		if f != nil {
			return f
		}
	}
	return nil
}
