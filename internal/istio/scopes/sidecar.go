package scopes

import (
	"cmp"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// Sidecars finds the Sidecar of a pod.
type Sidecars struct {
	root        string
	byNamespace map[string][]*istionetworkingv1.Sidecar
}

// NewSidecars indexes the Sidecars: those for some pods first, then the oldest.
// Source: istio pilot/pkg/model/push_context.go, initSidecarScopes.
func NewSidecars(mesh model.Mesh, all []*istionetworkingv1.Sidecar) Sidecars {
	s := Sidecars{root: mesh.RootNamespace, byNamespace: map[string][]*istionetworkingv1.Sidecar{}}
	ordered := slices.Clone(all)
	slices.SortStableFunc(ordered, func(a, b *istionetworkingv1.Sidecar) int {
		at, bt := a.CreationTimestamp, b.CreationTimestamp
		return cmp.Or(selecting(a)-selecting(b), at.Compare(bt.Time), strings.Compare(a.Name, b.Name), strings.Compare(a.Namespace, b.Namespace))
	})
	for _, sidecar := range ordered {
		s.byNamespace[sidecar.Namespace] = append(s.byNamespace[sidecar.Namespace], sidecar)
	}
	return s
}

func selecting(s *istionetworkingv1.Sidecar) int {
	if s.Spec.GetWorkloadSelector() != nil {
		return 0
	}
	return 1
}

// Of returns the Sidecar of the pods: the first of their namespace that selects them, else the root namespace's that selects nothing; nil:
// they have none. Where the namespace has Sidecars for other pods only, the root namespace's counts too.
// Source: istio pilot/pkg/model/push_context.go, doGetSidecarScope.
func (s Sidecars) Of(namespace string, labels map[string]string) *istionetworkingv1.Sidecar {
	for _, sidecar := range s.byNamespace[namespace] {
		if selector := sidecar.Spec.GetWorkloadSelector(); selector == nil || pods.Matches(selector.GetLabels(), labels) {
			return sidecar
		}
	}
	for _, sidecar := range s.byNamespace[s.root] {
		if sidecar.Spec.GetWorkloadSelector() == nil {
			return sidecar
		}
	}
	return nil
}

// IngressPorts returns the ports at which a Sidecar has the proxy listen, in order.
func IngressPorts(s *istionetworkingv1.Sidecar) []int32 {
	if s == nil {
		return nil
	}
	var ports []int32
	for _, listener := range s.Spec.GetIngress() {
		ports = append(ports, int32(listener.GetPort().GetNumber())) // #nosec G115 -- the CRD admits no number above 65535
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Outbound returns what the proxy of pods with the Sidecar does with calls of hosts that it does not know.
// Source: istio pilot/pkg/model/sidecar.go, initSidecarScopeInternalIndexes.
func Outbound(s *istionetworkingv1.Sidecar, mesh model.Mesh) model.OutboundMode {
	if s != nil && s.Spec.GetOutboundTrafficPolicy() != nil {
		return model.OutboundMode(s.Spec.GetOutboundTrafficPolicy().GetMode().String())
	}
	return mesh.Outbound
}

// Scope is what the proxy of pods in a namespace knows, by their Sidecar.
type Scope struct {
	// Sidecar is nil where the pods have none: then they know everything.
	Sidecar   *istionetworkingv1.Sidecar
	namespace string
}

// ScopeOf returns the scope of pods of the namespace with the Sidecar, which may be nil.
func ScopeOf(s *istionetworkingv1.Sidecar, namespace string) Scope {
	return Scope{Sidecar: s, namespace: namespace}
}

// Imports reports whether the Sidecar lists the host of an object of the namespace, at the port; port zero: at any.
// Source: istio pilot/pkg/model/sidecar.go, selectServices and serviceMatchingListenerPort.
func (s Scope) Imports(host, namespace string, port int32) bool {
	return s.egress(func(l *networkingapi.IstioEgressListener) bool {
		return atPort(l, port) && s.lists(l, host, namespace, hosts.CoversOrIs)
	})
}

// ImportsRoutes reports whether the Sidecar lists a host of a VirtualService of the namespace: what its routes lead to is then known too.
// Source: istio pilot/pkg/model/sidecar.go, VSMatches and collectImportedServices.
func (s Scope) ImportsRoutes(host, namespace string) bool {
	return s.egress(func(l *networkingapi.IstioEgressListener) bool { return s.lists(l, host, namespace, overlaps) })
}

// overlaps returns how a listed host and that of a VirtualService are compared: either may be the wildcard.
func overlaps(listed, host string) bool { return hosts.Overlap(listed, host) }

func (s Scope) egress(holds func(*networkingapi.IstioEgressListener) bool) bool {
	if s.Sidecar == nil || len(s.Sidecar.Spec.GetEgress()) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Sidecar.Spec.GetEgress(), holds)
}

// atPort reports whether a listener is for the port: without a port of its own it is for all, and so it is if it is a proxy for HTTP.
// Source: istio pilot/pkg/model/sidecar.go, needsPortMatch.
func atPort(l *networkingapi.IstioEgressListener, port int32) bool {
	own := l.GetPort().GetNumber()
	return own == 0 || port == 0 || strings.EqualFold(l.GetPort().GetProtocol(), "HTTP_PROXY") || own == uint32(port) // #nosec G115 -- a port
}

// lists reports whether the listener's hosts name the host of an object of the namespace, and none excludes it.
// Source: istio pilot/pkg/model/sidecar.go, convertIstioListenerToWrapper.
func (s Scope) lists(l *networkingapi.IstioEgressListener, host, namespace string, same func(listed, host string) bool) bool {
	listed := false
	for _, entry := range l.GetHosts() {
		in, name, ok := strings.Cut(entry, "/")
		if !ok {
			continue
		}
		in, excludes := strings.CutPrefix(in, "~")
		switch {
		case excludes && in == "":
			in = "*"
		case in == ".":
			in = s.namespace
		}
		if in != "*" && in != namespace {
			continue
		}
		if excludes && hosts.CoversOrIs(name, host) {
			return false
		}
		listed = listed || !excludes && same(name, host)
	}
	return listed
}
