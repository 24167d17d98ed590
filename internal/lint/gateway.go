package lint

import "github.com/meshtls/meshtls/internal/model"

var gatewayChecks = []Check{
	{
		Name:  "gateway-certificate-shared",
		Reads: []string{model.KindGateway, model.KindPod, model.KindService, model.KindSecret},
		find:  gatewayCertificateShared,
	},
	{
		Name:  "gateway-cipher-suites-ignored",
		Reads: []string{model.KindGateway},
		find:  gatewayCipherSuitesIgnored,
	},
	{
		Name:  "gateway-old-tls-without-ciphers",
		Reads: []string{model.KindGateway},
		find:  gatewayOldTLSWithoutCiphers,
	},
	{
		Name: "gateway-passthrough-encrypted-again",
		Reads: []string{
			model.KindGateway, model.KindVirtualService, model.KindDestinationRule, model.KindPod, model.KindService, model.KindServiceEntry,
			model.KindConfigMap,
		},
		Ours: true,
		find: gatewayPassthroughEncryptedAgain,
	},
	{
		Name:  "gateway-passthrough-with-certificate",
		Reads: []string{model.KindGateway},
		find:  gatewayPassthroughWithCertificate,
	},
	{
		Name:  "gateway-pods-in-several-namespaces",
		Reads: []string{model.KindGateway, model.KindPod, model.KindSecret},
		find:  gatewayPodsInSeveralNamespaces,
	},
	{
		Name:  "gateway-port-not-exposed",
		Reads: []string{model.KindGateway, model.KindPod, model.KindService},
		Ours:  true,
		find:  gatewayPortNotExposed,
	},
	{
		Name:  "gateway-redirect-leads-nowhere",
		Reads: []string{model.KindGateway, model.KindPod},
		Ours:  true,
		find:  gatewayRedirectLeadsNowhere,
	},
	{
		Name:  "gateway-redirect-without-route",
		Reads: []string{model.KindGateway, model.KindVirtualService, model.KindPod, model.KindConfigMap},
		Ours:  true,
		find:  gatewayRedirectWithoutRoute,
	},
	{
		Name:  "gateway-route-kind-mismatch",
		Reads: []string{model.KindGateway, model.KindVirtualService, model.KindPod, model.KindConfigMap},
		Ours:  true,
		find:  gatewayRouteKindMismatch,
	},
	{
		Name:  "gateway-selects-no-pods",
		Reads: []string{model.KindGateway, model.KindPod},
		find:  gatewaySelectsNoPods,
	},
	{
		Name:  "gateway-server-left-out",
		Reads: []string{model.KindGateway, model.KindPod, model.KindService},
		find:  gatewayServerLeftOut,
	},
	{
		Name:  "gateway-tls-parameters-ignored",
		Reads: []string{model.KindGateway},
		find:  gatewayTLSParametersIgnored,
	},
	{
		Name:  "gateway-tls-versions-exclude-each-other",
		Reads: []string{model.KindGateway},
		find:  gatewayTLSVersionsExcludeEachOther,
	},
}
