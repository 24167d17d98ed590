package istio

import (
	"fmt"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// TLS is what a client's proxy sends to a destination.
type TLS struct {
	// Mode is what leaves the proxy, which is not always what an object asks for. Auto: it depends on the endpoint, see Verdict.
	// Empty: there is no such subset, and the call fails.
	Mode meshtlsv1alpha1.SendMode
	// Settings are those of the DestinationRule that the mode comes from; nil where none of it has any.
	Settings *networkingapi.ClientTLSSettings
	// Origin is what decided.
	Origin Origin
	// Why is a full sentence.
	Why string
}

// Sends says what TLS the client sends, as far as that is decided for the destination as a whole.
func (m *Model) Sends(client Client, to Destination) TLS {
	switch client.Dataplane {
	case model.DataplaneNone:
		return TLS{Mode: meshtlsv1alpha1.SendDisable, Origin: Origin{Field: "the client has no proxy"},
			Why: "The client has no proxy: it sends what its application sends."}
	case model.DataplaneWaypoint:
		return TLS{Mode: meshtlsv1alpha1.SendAuto, Origin: Origin{Field: "the client is a waypoint"},
			Why: "What a waypoint sends is not looked at here."}
	case model.DataplaneAmbient:
		return TLS{Mode: meshtlsv1alpha1.SendAuto, Origin: Origin{Field: "the client's proxy is ztunnel"},
			Why: "ztunnel reads no DestinationRule: it uses mutual TLS where the other side can."}
	default:
		return m.sends(client, to, m.Rule(client, to.Host))
	}
}

func (m *Model) sends(client Client, to Destination, choice Choice) TLS {
	subset, known := choice.subset(to.Subset)
	if !known {
		return TLS{Origin: Origin{Field: "subsets"},
			Why: fmt.Sprintf("The DestinationRule that governs has no subset %s, so there is nothing to send to.", to.Subset)}
	}
	level := tlsLevelOf(choice, subset, to.Port)
	if level.tls != nil {
		return m.settled(client, choice, level)
	}
	return m.unsettled(client, to, choice)
}

// settled returns what comes of TLS settings that a DestinationRule has.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext and constructUpstreamTLS.
func (m *Model) settled(client Client, choice Choice, level tlsLevel) TLS {
	sent := TLS{Mode: sendModes[level.tls.Mode], Settings: level.tls, Origin: level.origin}
	sent.Why = level.origin.String() + " says " + level.tls.Mode.String() + "."
	custom := sent.Mode == meshtlsv1alpha1.SendSimple || sent.Mode == meshtlsv1alpha1.SendMutual
	switch {
	case custom && m.needsSecret(level.tls) && !client.Gateway && !choice.Selecting():
		sent.Mode = meshtlsv1alpha1.SendDisable
		sent.Why = fmt.Sprintf("%s names a credential, which Istio gives to sidecars only where the DestinationRule has a workloadSelector: "+
			"without one the traffic leaves in plaintext.", level.origin)
	case sent.Mode == meshtlsv1alpha1.SendMutual && level.tls.CredentialName == "" &&
		(level.tls.ClientCertificate == "" || level.tls.PrivateKey == ""):
		sent.Mode = meshtlsv1alpha1.SendDisable
		sent.Why = fmt.Sprintf("%s says MUTUAL without a client certificate and key, so Istio makes no TLS of it.", level.origin)
	}
	return sent
}

// needsSecret reports whether the credential is a Secret, or counts as one; anybody may read one from a ConfigMap.
func (m *Model) needsSecret(tls *networkingapi.ClientTLSSettings) bool {
	free := strings.HasPrefix(tls.CredentialName, "configmap://") && versions.ConfigMapForSidecars.HoldsIn(m.mesh.Version)
	return tls.CredentialName != "" && !free
}

// unsettled returns what Istio decides where no TLS settings are in force: mutual TLS wherever the endpoint can, unless something
// excludes it for the destination as a whole. What is said for single workloads is not looked at here.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings and applyUpstreamTLSSettings;
// pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode.
func (m *Model) unsettled(client Client, to Destination, choice Choice) TLS {
	subset, _ := choice.subset(to.Subset)
	sent := TLS{Mode: meshtlsv1alpha1.SendDisable, Origin: tlsLevelOf(choice, subset, to.Port).origin}
	accepted := m.namespaceAccepts(to.Host.Namespace)
	switch {
	case to.Host.External:
		sent.Why = fmt.Sprintf("%s is outside the mesh, where Istio never uses mutual TLS of itself.", to.Host.Name)
	case !m.mesh.AutoMTLS:
		sent.Origin = Origin{Field: "enableAutoMtls in the mesh config"}
		sent.Why = "Auto mTLS is off in the mesh, and no DestinationRule sets TLS."
	case decidedTogether(to, choice) && !allInMesh(to.Endpoints):
		sent.Why = "The client connects to the address that it looked up, and not every endpoint has a sidecar: then Istio uses no TLS for any."
	case accepted.Mode == disable:
		sent.Origin = accepted.Origin
		sent.Why = fmt.Sprintf("%s disables mutual TLS for the host's namespace. Istio looks no further: a PeerAuthentication for the "+
			"workload does not make clients use it.", accepted.Origin)
	case opaque(client, to, choice):
		sent.Mode = meshtlsv1alpha1.SendIstioMutual
		sent.Why = "The client connects to the address that it looked up, so Istio uses mutual TLS for every endpoint alike."
	default:
		sent.Mode = meshtlsv1alpha1.SendAuto
		sent.Why = "No DestinationRule sets TLS here: Istio decides for each endpoint."
	}
	return sent
}

// decidedTogether reports whether Istio asks all endpoints together whether they can do mutual TLS, and uses it for all or none. It looks
// at the load balancer of the destination, or of the subset, and not at that of a port.
func decidedTogether(to Destination, choice Choice) bool {
	policy := choice.trafficPolicy()
	if subset, _ := choice.subset(to.Subset); to.Subset != "" {
		policy = subset.policy()
	}
	return to.Headless || passesThrough(policy)
}

// opaque reports whether the proxy has no list of endpoints, and so nothing to tell one from the other: it connects to where the client
// wanted to go. A gateway has the list for headless hosts too. A subset is like the host in this, whatever its own load balancer.
// Source: istio pilot/pkg/networking/core/cluster.go, convertResolution; cluster_builder.go, buildSubsetCluster.
func opaque(client Client, to Destination, choice Choice) bool {
	if to.Headless && !client.Gateway || portPassesThrough(choice.trafficPolicy(), to.Port) {
		return true
	}
	if subset, _ := choice.subset(to.Subset); to.Subset != "" {
		return passesThrough(subset.policy()) || portPassesThrough(subset.policy(), to.Port)
	}
	return false
}

// portPassesThrough looks at the load balancer of the port, which settings of its own replace.
func portPassesThrough(policy *networkingapi.TrafficPolicy, port int32) bool {
	if entry := portEntry(policy, port); entry >= 0 {
		return policy.PortLevelSettings[entry].GetLoadBalancer().GetSimple() == networkingapi.LoadBalancerSettings_PASSTHROUGH
	}
	return passesThrough(policy)
}

func passesThrough(policy *networkingapi.TrafficPolicy) bool {
	return policy.GetLoadBalancer().GetSimple() == networkingapi.LoadBalancerSettings_PASSTHROUGH
}

// allInMesh reports whether there are endpoints and each can do mutual TLS.
func allInMesh(endpoints []*model.Workload) bool {
	for _, w := range endpoints {
		if !speaksMutualTLS(w) {
			return false
		}
	}
	return len(endpoints) > 0
}

// speaksMutualTLS reports whether clients take the pods for ones that take mutual TLS: those with a sidecar that do not deny it by label,
// and those without a proxy, but with a library that does, that say so by label.
// Source: istio pilot/pkg/model/service.go, GetTLSModeFromEndpointLabels: the injector sets the label with a sidecar.
func speaksMutualTLS(w *model.Workload) bool {
	mode := w.Labels[model.LabelTLSMode]
	proxyless := w.Dataplane == model.DataplaneProxyless && mode == "istio"
	return proxyless || w.Dataplane == model.DataplaneSidecar && (mode == "" || mode == "istio")
}

var sendModes = map[networkingapi.ClientTLSSettings_TLSmode]meshtlsv1alpha1.SendMode{
	networkingapi.ClientTLSSettings_DISABLE:      meshtlsv1alpha1.SendDisable,
	networkingapi.ClientTLSSettings_SIMPLE:       meshtlsv1alpha1.SendSimple,
	networkingapi.ClientTLSSettings_MUTUAL:       meshtlsv1alpha1.SendMutual,
	networkingapi.ClientTLSSettings_ISTIO_MUTUAL: meshtlsv1alpha1.SendIstioMutual,
}
