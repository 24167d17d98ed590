package lint

import "github.com/meshtls/meshtls/internal/model"

var routeChecks = []Check{
	{
		Name:  "virtualservice-gateway-not-found",
		Reads: []string{model.KindVirtualService, model.KindGateway},
		find:  virtualServiceGatewayNotFound,
	},
	{
		Name:  "virtualservice-host-not-in-gateway",
		Reads: []string{model.KindVirtualService, model.KindGateway},
		find:  virtualServiceHostNotInGateway,
	},
	{
		Name:  "virtualservice-not-exported-to-gateway",
		Reads: []string{model.KindVirtualService, model.KindGateway, model.KindPod, model.KindConfigMap},
		find:  virtualServiceNotExportedToGateway,
	},
}
