package mesh

import (
	"fmt"
	"net/netip"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/istio/routes"
	"github.com/meshtls/meshtls/internal/istio/scopes"
	"github.com/meshtls/meshtls/internal/model"
)

// Bypass is why the client's sidecar does not treat a connection as one to the destination. The zero value: it does.
type Bypass struct {
	// Object is the Sidecar that hides the host; zero: the pods' own annotations keep the connection from the sidecar.
	Object model.ObjectRef
	// Why is a full sentence.
	Why string
	// Refused says that the sidecar refuses what it does not know.
	Refused bool
}

// Bypasses reports whether the client's sidecar is passed by, or does not know the host.
func (v *View) Bypasses(client *model.Workload, d *destinations.Destination, port int32) (Bypass, bool) {
	if client.Gateway || client.Dataplane != model.DataplaneSidecar {
		return Bypass{}, false
	}
	if why := uncaught(client, d, port); why != "" {
		return Bypass{Why: why}, true
	}
	return v.hidden(client, d, port)
}

// uncaught says why the connection does not get to the client's sidecar; empty: it does.
func uncaught(client *model.Workload, d *destinations.Destination, port int32) string {
	const annotations = "Annotations of the client's pods keep connections to %s from the sidecar."
	capture := client.Outbound
	switch {
	case client.Interception == model.InterceptionNone:
		return "The client's interception mode is NONE: nothing leads its connections to the sidecar."
	case slices.Contains(capture.ExcludePorts, port):
		return fmt.Sprintf(annotations, fmt.Sprintf("port %d", port))
	case within(capture.ExcludeRanges, d):
		return fmt.Sprintf(annotations, "the address of "+d.String())
	case slices.Contains(capture.IncludePorts, port), capture.IncludeRanges == nil:
		return ""
	case len(capture.IncludeRanges) == 0:
		return fmt.Sprintf(annotations, "all addresses")
	case len(addressesOf(d)) > 0 && !within(capture.IncludeRanges, d):
		return fmt.Sprintf(annotations, "the address of "+d.String())
	default:
		return ""
	}
}

// within reports whether an address of the destination is in one of the ranges.
func within(ranges []string, d *destinations.Destination) bool {
	for _, text := range ranges {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(addressesOf(d), prefix.Contains) {
			return true
		}
	}
	return false
}

// addressesOf returns the addresses at which clients call the destination, as far as they are known.
func addressesOf(d *destinations.Destination) []netip.Addr {
	var texts []string
	if d.Service != nil {
		texts = d.Service.Addresses
	} else {
		texts = d.Entry.Spec.GetAddresses()
	}
	var all []netip.Addr
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil {
			all = append(all, address)
		}
	}
	return all
}

// SidecarOf returns the Sidecar that the pods' proxy is configured by; nil: there is none.
func (v *View) SidecarOf(pods *model.Workload) *istionetworkingv1.Sidecar {
	v.note(model.KindSidecar)
	return v.index.sidecars().Of(pods.Namespace, pods.Labels)
}

// hidden reports whether the client's Sidecar keeps the host from its proxy.
func (v *View) hidden(client *model.Workload, d *destinations.Destination, port int32) (Bypass, bool) {
	v.note(model.KindSidecar, model.KindConfigMap)
	sidecar := v.index.sidecars().Of(client.Namespace, client.Labels)
	scope := scopes.ScopeOf(sidecar, client.Namespace)
	if sidecar == nil || scope.Imports(d.Name, d.Namespace, port) || v.routedTo(scope, client, d.Name) {
		return Bypass{}, false
	}
	ref := model.RefOf(model.KindSidecar, sidecar)
	bypass := Bypass{Object: ref, Refused: scopes.Outbound(sidecar, v.Mesh()) == model.OutboundRegistryOnly}
	bypass.Why = fmt.Sprintf("%s does not list the host in its egress, so the client's sidecar does not know it", ref)
	if bypass.Refused {
		bypass.Why += ", and refuses the connection (outboundTrafficPolicy REGISTRY_ONLY)."
	} else {
		bypass.Why += " and passes on what the application sends."
	}
	return bypass, true
}

// routedTo reports whether a VirtualService that the scope lists leads to the host: then the host is known as well.
// Source: istio pilot/pkg/model/sidecar.go, collectImportedServices.
func (v *View) routedTo(scope scopes.Scope, client *model.Workload, host string) bool {
	for _, vs := range v.InMesh(client.Namespace) {
		if !slices.ContainsFunc(vs.Spec.Hosts, func(own string) bool { return scope.ImportsRoutes(own, vs.Namespace) }) {
			continue
		}
		for _, route := range routes.All(vs) {
			for _, to := range route.To {
				if route.Host(v.Domain(), to.GetDestination()) == host {
					return true
				}
			}
		}
	}
	return false
}

// passedBy returns what becomes of a call that the client's sidecar is passed by, or that it passes on as it is: at each endpoint what
// would become of it without a proxy.
func (v *View) passedBy(c Call) []Outcome {
	if c.Bypass.Refused {
		return []Outcome{{Verdict: istio.Verdict{Kind: istio.Refused, Why: c.Bypass.Why}, Call: c}}
	}
	bare := c
	bare.Client, bare.Bypass = c.Client.As(model.DataplaneNone), Bypass{}
	outcomes := v.Outcomes(bare)
	for i := range outcomes {
		o := &outcomes[i]
		o.Call = c
		o.Sent.Why, o.Sent.Origin = c.Bypass.Why, istio.Origin{Object: c.Bypass.Object}
		o.Why = c.Bypass.Why
		if o.Kind == istio.Refused {
			o.Why += fmt.Sprintf(" But the server accepts only mutual TLS (%s), so it refuses the connection.", o.Accepted.Origin)
		}
	}
	return outcomes
}
