package main

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Configuration returns what Istio gives the proxy.
func (i *Istio) Configuration(p wire.Proxy, configuration *wire.Configuration) error {
	return i.ask(p, func(m *mesh, node *istiomodel.Proxy) error {
		listeners := m.server.Listeners(node)
		var err error
		if configuration.Listeners, err = marshalled(listeners); err != nil {
			return err
		}
		if configuration.Clusters, err = marshalled(m.server.Clusters(node)); err != nil {
			return err
		}
		configuration.Routes, err = marshalled(m.server.RoutesFromListeners(node, listeners))
		configuration.Servers = serversOf(node)
		return err
	})
}

// Endpoints returns the ClusterLoadAssignment of the proxy's cluster of that name.
func (i *Istio) Endpoints(asked wire.Asked, assignment *[]byte) error {
	return i.ask(asked.Proxy, func(m *mesh, node *istiomodel.Proxy) error {
		builder := endpoints.NewEndpointBuilder(asked.Name, node, m.server.PushContext())
		var err error
		*assignment, err = proto.Marshal(builder.BuildClusterLoadAssignment(m.server.Discovery.Env.EndpointIndex))
		return err
	})
}

// Address returns where the proxy's client finds the host of that name.
func (i *Istio) Address(asked wire.Asked, address *wire.Address) error {
	return i.ask(asked.Proxy, func(m *mesh, node *istiomodel.Proxy) error {
		service := m.server.PushContext().ServiceForHostname(node, host.Name(asked.Name))
		if service == nil {
			return nil
		}
		address.Found, address.Address = true, service.GetAddressForProxy(node)
		for _, port := range service.Ports {
			address.Ports = append(address.Ports, port.Port)
		}
		return nil
	})
}

// ask calls a function with the proxy as the control plane of its mesh knows it.
func (i *Istio) ask(p wire.Proxy, question func(*mesh, *istiomodel.Proxy) error) error {
	m, err := i.mesh(p.Mesh)
	if err != nil {
		return err
	}
	return m.attempt(func() error { return question(m, m.proxy(p)) })
}

// proxy sets the proxy up the first time that it is asked about.
func (m *mesh) proxy(p wire.Proxy) *istiomodel.Proxy {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	kind := istiomodel.SidecarProxy
	if p.Router {
		kind = istiomodel.Router
	}
	id := fmt.Sprintf("%s.%s", p.Name, p.Namespace)
	key := fmt.Sprintf("%s %s", kind, id)
	if known := m.proxies[key]; known != nil {
		return known
	}
	m.proxies[key] = m.server.SetupProxy(&istiomodel.Proxy{
		Type: kind, ID: id, ConfigNamespace: p.Namespace, Labels: p.Labels, IPAddresses: []string{p.IP},
		Metadata: &istiomodel.NodeMetadata{
			Namespace: p.Namespace, Labels: p.Labels, ClusterID: constants.DefaultClusterName,
			InterceptionMode: istiomodel.TrafficInterceptionMode(p.Interception), UnprivilegedPod: p.Unprivileged,
		},
	})
	return m.proxies[key]
}

func serversOf(node *istiomodel.Proxy) []wire.Server {
	if node.MergedGateway == nil {
		return nil
	}
	var servers []wire.Server
	for port, merged := range node.MergedGateway.MergedServers {
		for _, server := range merged.Servers {
			servers = append(servers, wire.Server{
				Bind: port.Bind, Port: port.Number, Name: server.GetPort().GetName(),
				Gateway: node.MergedGateway.GatewayNameForServer[server],
			})
		}
	}
	return servers
}

func marshalled[T proto.Message](messages []T) ([][]byte, error) {
	all := make([][]byte, 0, len(messages))
	for _, message := range messages {
		content, err := proto.Marshal(message)
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
	return all, nil
}
