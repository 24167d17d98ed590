package analyzers

import (
	"slices"
	"strings"
	"testing"

	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/msg"
)

// topic is something that both Istio's analyzers and lint look for.
type topic struct {
	name string
	// says tells the messages of Istio's that are about it.
	says func(m diag.Message) bool
	// checks are those of lint.
	checks []string
	// completed adds to the manifests what lint must see to speak. Istio's analyzers see it, too.
	completed func(t *testing.T, manifest []byte) []byte
}

// The topics on which the two differ somewhere.
const (
	gatewayWithoutPods = "no pods for the Gateway"
	excludeEachOther   = "two servers exclude each other"
	certificateShared  = "one certificate in several Gateways"
	credentialUseless  = "the credential is of no use"
	noSuchGateway      = "no such Gateway"
	hostNotServed      = "the Gateway has none of the hosts"
	subsetWithoutPods  = "no pods for the subset"
)

// topics are those that bear on TLS.
var topics = []topic{
	{
		name: gatewayWithoutPods, says: notFound("Gateway", "selector"),
		checks: []string{"gateway-selects-no-pods"}, completed: withAnotherGatewayPod,
	},
	{
		name: "no Service leads to the Gateway's port", says: is(msg.GatewayPortNotDefinedOnService),
		checks: []string{"gateway-port-not-exposed"}, completed: withGatewayServices,
	},
	{
		name: excludeEachOther, says: is(msg.ConflictingGateways),
		checks: []string{"gateway-server-left-out"}, completed: withGatewayPods,
	},
	{
		name: "no such credential", says: notFound("Gateway", "credentialName"),
		checks: []string{"gateway-credential-not-found"}, completed: withGatewayPods,
	},
	{
		name: credentialUseless, says: is(msg.InvalidGatewayCredential),
		checks: []string{"gateway-credential-unusable", "gateway-certificate-expired"}, completed: withGatewayPods,
	},
	{
		name: certificateShared, says: is(msg.GatewayDuplicateCertificate),
		checks: []string{"gateway-certificate-shared"}, completed: withGatewayPods,
	},
	{
		name: noSuchGateway, says: notFound("VirtualService", "gateway"),
		checks: []string{"virtualservice-gateway-not-found"}, completed: withGatewayPods,
	},
	{
		name: hostNotServed, says: is(msg.VirtualServiceHostNotFoundInGateway),
		checks: []string{"virtualservice-host-not-in-gateway"}, completed: withGatewayPods,
	},
	{
		name: "the server is not verified", says: is(
			msg.NoServerCertificateVerificationDestinationLevel, msg.NoServerCertificateVerificationPortLevel,
		),
		checks:    []string{"destinationrule-internal-host-system-ca", "destinationrule-credential-without-selector"},
		completed: withDestinations,
	},
	{
		name: subsetWithoutPods, says: is(msg.DestinationRuleSubsetNotSelectPods),
		checks: []string{"destinationrule-subset-without-pods"}, completed: withRoutes,
	},
	{
		name: "no such host", says: is(msg.UnknownDestinationRuleHost),
		checks: []string{"destinationrule-host-not-found", "destinationrule-host-elsewhere"}, completed: withNeighbours,
	},
}

func is(types ...*diag.MessageType) func(diag.Message) bool {
	return func(m diag.Message) bool { return slices.Contains(types, m.Type) }
}

// notFound returns the messages that an object of the kind refers to something that is not there.
func notFound(kind, what string) func(diag.Message) bool {
	return func(m diag.Message) bool {
		return m.Type == msg.ReferencedResourceNotFound && strings.HasPrefix(objectOf(m), kind+" ") && m.Parameters[0] == what
	}
}

// objectOf names the object that a message is about as lint does.
func objectOf(m diag.Message) string {
	if m.Resource == nil {
		return ""
	}
	kind, name, _ := strings.Cut(m.Resource.Origin.FriendlyName(), " ")
	if !strings.Contains(name, "/") {
		name = "default/" + name
	}
	return kind + " " + name
}
