package agreement

import (
	"fmt"
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// tellers are the findings that tell of calls that fail, or that carry less TLS than somebody asked for.
var tellers = sets.New(
	"accept-auto-mtls-off", "accept-clients-send-otherwise", "accept-clients-send-plaintext", "accept-refuses-clients",
	"destinationrule-double-tls", "destinationrule-hides-others", "destinationrule-mtls-outside-mesh", "destinationrule-mtls-to-disabled",
	"destinationrule-mtls-to-no-proxy", "destinationrule-identity-differs", "endpoint-identity-differs",
	"destinationrule-never-used", "destinationrule-plaintext-to-strict", "destinationrule-policy-dropped",
	"destinationrule-port-drops-tls", "destinationrule-refused-by-gateway", "destinationrule-selector-hides-rule",
	"destinationrule-tls-to-http-port", "destinationrule-tls-to-strict", "destinationrule-wildcard-catches-external",
	"gateway-passthrough-encrypted-again",
	"gateway-passthrough-to-http-port", "peerauthentication-below-disable", "peerauthentication-disable-behind-headless",
	"peerauthentication-strict-without-auto-mtls",
	"send-bypassed", "send-changes-others", "send-hides-rule", "send-overruled", "send-refused", "send-wildcard-hides-rules",
	"service-headless-partly-in-mesh", "service-port-uncaptured",
	"serviceentry-endpoint-refuses-plaintext",
	"sidecar-hides-strict",
)

// call is a connection that explain describes, up to one kind of endpoint.
type call struct {
	from Answer
	to   explain.Outbound
	end  explain.Endpoint
}

// String names the call and how it ends.
func (c *call) String() string {
	subset := ""
	if c.to.Subset != "" {
		subset = " subset " + c.to.Subset
	}
	return fmt.Sprintf("%s %s/%s to %s:%d%s: %s: %s", c.from.Proxy, c.from.Namespace, c.from.Example, c.to.Host, c.to.Port, subset,
		c.end.Outcome, c.end.Why)
}

// Untold returns the calls that explain calls broken, that no finding tells of, and that no reason excuses. It counts the reasons by name.
func (w World) Untold(excused map[string]int) []string {
	var untold []string
	for i := range w.calls {
		c := &w.calls[i]
		switch reason, is := w.excuse(c); {
		case !w.isBroken(c) || w.isTold(c):
		case is:
			excused[reason]++
		default:
			untold = append(untold, c.String())
		}
	}
	return untold
}

// isBroken reports whether the call fails, is wrapped twice, or is in plaintext although somebody asked for TLS.
func (w World) isBroken(c *call) bool {
	switch c.end.Outcome {
	case istio.Refused, istio.DoubleTLS:
		return true
	case istio.Plaintext:
		return !c.end.ApplicationTLS && c.from.Proxy != explain.ProxyNone && c.to.DeclaredBy != nil && w.wantsTLS(c)
	default:
		return false
	}
}

// wantsTLS reports whether a DestinationRule asks for TLS to the host, and another setting keeps it from the call.
func (w World) wantsTLS(c *call) bool {
	if c.to.External.Note != "" {
		return true
	}
	if c.to.External.Sends == string(meshtlsv1alpha1.SendDisable) {
		return false // a DestinationRule asks for plaintext
	}
	return slices.ContainsFunc(c.to.External.Ignored, func(i explain.Ignored) bool {
		rule := w.destinationRule(i.ObjectRef)
		tls := rule.Spec.GetTrafficPolicy().GetTls()
		return tls != nil && tls.GetMode() != networkingapi.ClientTLSSettings_DISABLE && !isPrivate(rule.Spec.GetExportTo())
	})
}

// isPrivate reports whether a rule is meant for its own namespace only.
func isPrivate(exportTo []string) bool { return slices.Equal(exportTo, []string{"."}) }

// isTold reports whether a finding tells of the call: it is about an object that takes part.
func (w World) isTold(c *call) bool {
	parts := w.parts(c)
	return slices.ContainsFunc(w.findings, func(f model.Finding) bool {
		return tellers.Has(f.Check) && (parts.Has(f.Subject) || f.Related.Kind != "" && parts.Has(f.Related))
	})
}

// parts returns the objects that decide what is sent and what is accepted, with the policies behind them, the route, and what declares the
// destination.
func (w World) parts(c *call) sets.Set[model.ObjectRef] {
	parts := sets.New[model.ObjectRef]()
	add := func(ref model.ObjectRef, policies []string) {
		parts.Insert(ref)
		for _, p := range policies {
			parts.Insert(model.ObjectRef{Kind: model.KindPolicy, Namespace: ref.Namespace, Name: p})
		}
	}
	origins := []explain.Origin{c.end.DecidedBy, c.to.External.DecidedBy}
	if c.end.AcceptsDecidedBy != nil {
		origins = append(origins, *c.end.AcceptsDecidedBy)
	}
	if r := c.to.Route; r != nil {
		add(model.ObjectRef{Kind: model.KindVirtualService, Namespace: r.Namespace, Name: r.Name}, nil)
		if r.Server != nil {
			origins = append(origins, *r.Server)
		}
	}
	for _, o := range origins {
		add(o.ObjectRef, o.Policies)
	}
	for _, i := range c.to.External.Ignored {
		add(i.ObjectRef, i.Policies)
	}
	for _, r := range c.to.External.Rules {
		add(model.ObjectRef{Kind: model.KindDestinationRule, Namespace: r.Namespace, Name: r.Name}, r.Policies)
	}
	if c.to.DeclaredBy != nil {
		add(*c.to.DeclaredBy, nil)
	}
	parts.Delete(model.ObjectRef{})
	return parts
}

// decidedByPolicy reports whether a policy is behind what is sent.
func (c *call) decidedByPolicy() bool {
	return len(c.end.DecidedBy.Policies) > 0 || len(c.to.External.DecidedBy.Policies) > 0 ||
		slices.ContainsFunc(c.to.External.Rules, func(r explain.Rule) bool { return len(r.Policies) > 0 })
}

func (c *call) sends(mode meshtlsv1alpha1.SendMode) bool { return c.end.Sends == string(mode) }
