package policy

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "gateway-server-unreachable",
		Severity: []lint.Severity{lint.Error},
		Reasons:  []string{meshtlsv1alpha1.ReasonShadowed},
		Finds: "a server of ours that Istio keeps beside one of another namespace at the same address, and that nobody reaches " +
			"there: plaintext beside TLS, plain HTTP beside a redirect of the same host, or TLS for a server name that " +
			"another server answers to for another namespace's routes.",
		Why: "Istio compares some pairs of servers and not others. What it keeps goes into one listener, and there only one of " +
			"the two answers.",
		Fix: "Use another port or bind for one of the two.",
	}, gatewayServerUnreachable)
}

// gatewayServerUnreachable tells of servers of ours that Istio keeps beside one of another namespace, or of somebody else, at the same
// address, and that nobody reaches there. Between policies of one namespace translate settles this before there is a Gateway.
func gatewayServerUnreachable(w world) []model.Finding {
	var findings []model.Finding
	for _, v := range w.views {
		told := map[serverAt]bool{}
		eachListenerAddress(v, func(servers []istio.Server) {
			for _, ours := range servers {
				at := serverAt{gateway: ours.Ref(), index: ours.Index}
				gateway, planned := v.gateways[at.gateway]
				if !planned || told[at] || !v.judges(gateway) {
					continue
				}
				if f := unreachable(ours, servers); f != nil {
					told[at] = true
					f.Subject = model.PolicyRef(ownersOf(gateway)[0])
					f.Field = w.serverField(gateway.OwnerReferences[0].Name, ours.Index)
					findings = append(findings, *f)
				}
			}
		})
	}
	return findings
}

// address is where Envoy listens.
type address struct {
	port int32
	bind string
}

// eachListenerAddress visits the servers that share an address at the pods of our Gateways.
func eachListenerAddress(v view, visit func([]istio.Server)) {
	for _, pod := range podsOfOurGateways(v) {
		together := map[address][]istio.Server{}
		for _, l := range v.Listeners(pod).Listeners {
			at := address{port: l.Port, bind: istio.ListenAddress(l.Bind)}
			together[at] = append(together[at], l.Servers...)
		}
		for _, servers := range together {
			visit(servers)
		}
	}
}

// unreachable returns the finding that another server at the same address answers in place of ours; nil: none does.
func unreachable(ours istio.Server, servers []istio.Server) *model.Finding {
	for _, other := range servers {
		if other.Ref() == ours.Ref() && other.Spec().GetPort().GetNumber() == ours.Spec().GetPort().GetNumber() {
			continue // itself, or one that the translation has compared it with
		}
		if why := inTheWay(ours, other); why != "" {
			return &model.Finding{
				Severity: lint.Error, Related: other.Ref(),
				Message:   fmt.Sprintf("%s of %s %s; Istio keeps both, and this server is not reached.", other.Field(""), other.Ref(), why),
				Remedy:    fmt.Sprintf("Use another port or bind, or take it out of %s.", other.Ref()),
				Condition: meshtlsv1alpha1.ConditionEffective, Reason: meshtlsv1alpha1.ReasonShadowed,
			}
		}
	}
	return nil
}

// inTheWay says why the other server answers in place of ours; empty: it does not.
func inTheWay(ours, other istio.Server) string {
	mine, theirs, shared := kindOf(ours), kindOf(other), sharedName(ours, other)
	bothTLS := mine.Family == istio.FamilyTLS && theirs.Family == istio.FamilyTLS
	redirected := mine.Family == istio.FamilyHTTP && !mine.HoldsHosts && theirs.HoldsHosts
	switch {
	case mine.Family != istio.FamilyTLS && theirs.Family == istio.FamilyTLS:
		return "has TLS at the same address"
	case shared == "":
		return ""
	case redirected:
		return "redirects " + shared + " to https"
	case bothTLS && (!ours.PassesThrough() || !other.PassesThrough()):
		return "answers to the same server name, " + shared + ", for another namespace's routes"
	default:
		return ""
	}
}

func kindOf(s istio.Server) istio.ServerKind {
	return istio.KindOf(s.Spec().Port.Protocol, s.Spec().Tls != nil)
}

// sharedName returns a name that both servers answer to; empty: none.
func sharedName(a, b istio.Server) string {
	for _, name := range a.Names() {
		if slices.Contains(b.Names(), name) {
			return name
		}
	}
	return ""
}
