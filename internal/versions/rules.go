package versions

// Rule is something about TLS that Istio does since a minor version, and that older ones do otherwise. It was looked for in the branches
// of the releases from 1.24 on: which DestinationRule is found, how a workloadSelector counts, credentials of sidecars, modes of ports
// (those of pass-through chains too), what ztunnels are told, and how Gateways are merged; what is not listed is the same in all of them.
type Rule struct {
	// Does and Before are full sentences: what Istio does, and what the versions before did.
	Does, Before string
	// Since is the minor version that does it first.
	Since string
	// Source is where Istio decides it.
	Source string
}

// The rules that answers depend on.
var (
	// SubsetFallsBack: releasenotes/notes/dr-subset-tls-mode-fallback.yaml.
	SubsetFallsBack = Rule{
		Does: "Endpoints of a subset whose `trafficPolicy` sets no TLS are marked by the mode that the DestinationRule sets for all.",
		Before: "They were marked as if the DestinationRule set none: a subset with port settings that leave `tls` out got mutual TLS where " +
			"the host itself gets plaintext.",
		Since:  "1.31",
		Source: "pilot/pkg/xds/endpoints/mtls_checker.go, tlsModeForDestinationRule",
	}
	// ConfigMapForSidecars: the branch of 1.26 is the first whose buildUpstreamClusterTLSContext asks for the kind of the credential.
	ConfigMapForSidecars = Rule{
		Does:   "A `credentialName` that is a ConfigMap (`configmap://…`) works at sidecars without a `workloadSelector`.",
		Before: "It was left out as a Secret is, and sidecars sent plaintext.",
		Since:  "1.26",
		Source: "pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext",
	}
	// TunnelReplacesMutual: the branch of 1.25 is the first whose tunnel has no TLS of the mesh inside.
	TunnelReplacesMutual = Rule{
		Does:   "`ISTIO_MUTUAL` toward a pod of ambient mode is replaced by the tunnel (HBONE), which is mutual TLS.",
		Before: "It was kept inside the tunnel, where the application had to end it, which it cannot.",
		Since:  "1.25",
		Source: "pilot/pkg/networking/core/cluster_tls.go, applyHBONETransportSocketMatches",
	}
)

// Rules are all of them, the newest first.
var Rules = []Rule{SubsetFallsBack, ConfigMapForSidecars, TunnelReplacesMutual}

// HoldsIn reports whether Istio of that version does it. One that is not known is taken for the newest that is tested.
func (r Rule) HoldsIn(version string) bool {
	if minor(version) == nil {
		version = NewestTested
	}
	return Compare(version, r.Since) >= 0
}
