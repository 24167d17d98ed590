package worlds

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

func policyUID(i int) types.UID { return types.UID(fmt.Sprintf("uid-%04d", i)) }

// policy draws a policy of some target, with some of the verbs that go with it.
func (g generator) policy(i int) *meshtlsv1alpha1.MeshTLSPolicy {
	p := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: g.metadata(i)}
	switch g.IntN(4) {
	case 0:
		g.wide(&p.Spec)
	case 1, 2:
		g.workload(&p.Spec)
	default:
		g.gateway(&p.Spec)
	}
	return p
}

func (g generator) wide(spec *meshtlsv1alpha1.MeshTLSPolicySpec) {
	spec.Accept = &meshtlsv1alpha1.Accept{Mode: g.acceptMode()}
	if g.chance(3) {
		spec.Accept.Floor = one(g, []meshtlsv1alpha1.AcceptFloor{meshtlsv1alpha1.FloorStrict, meshtlsv1alpha1.FloorPermissive})
	}
	if g.chance(2) {
		spec.Send = g.sends(false)
		for i := range spec.Send {
			spec.Send[i].Clients = one(g, []meshtlsv1alpha1.SendClients{"", meshtlsv1alpha1.ClientsNamespace, meshtlsv1alpha1.ClientsAll})
		}
	}
}

func (g generator) workload(spec *meshtlsv1alpha1.MeshTLSPolicySpec) {
	spec.Workload = g.target(map[string]string{"app": one(g, apps)}, one(g, apps))
	if g.chance(3) && spec.Workload.Selector != nil {
		spec.Workload.Selector.MatchLabels["version"] = one(g, versions)
	}
	if !g.chance(3) {
		spec.Accept = &meshtlsv1alpha1.Accept{Mode: g.acceptMode(), Ports: g.acceptPorts()}
	}
	if spec.Accept == nil || g.chance(2) {
		spec.Send = g.sends(true)
	}
}

func (g generator) gateway(spec *meshtlsv1alpha1.MeshTLSPolicySpec) {
	spec.Gateway = g.target(map[string]string{"istio": "ingressgateway"}, one(g, apps))
	for i := range g.IntN(3) {
		spec.Terminate = append(spec.Terminate, g.terminate(i))
	}
	for range g.IntN(2) {
		spec.Passthrough = append(spec.Passthrough, g.passthrough())
	}
	for range g.IntN(2) {
		spec.Plaintext = append(spec.Plaintext, g.plaintext())
	}
	if len(spec.Terminate)+len(spec.Passthrough)+len(spec.Plaintext) == 0 || g.chance(3) {
		spec.Send = g.sends(true)
	}
}

func (g generator) target(labels map[string]string, service string) *meshtlsv1alpha1.Target {
	if g.chance(3) {
		return &meshtlsv1alpha1.Target{Service: service}
	}
	return &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels}}
}

func (g generator) acceptMode() meshtlsv1alpha1.AcceptMode {
	return one(g, []meshtlsv1alpha1.AcceptMode{
		meshtlsv1alpha1.AcceptStrict, meshtlsv1alpha1.AcceptPermissive, meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptInherit,
	})
}

func (g generator) acceptPorts() []meshtlsv1alpha1.AcceptPort {
	var ports []meshtlsv1alpha1.AcceptPort
	for range g.IntN(3) {
		port := meshtlsv1alpha1.AcceptPort{Mode: g.acceptMode()}
		switch g.IntN(3) {
		case 0:
			number := one(g, []int32{8080, 8081, 9090, 7})
			port.Port = &number
		case 1:
			name := intstr.FromString(one(g, []string{"http", "metrics", "nothing"}))
			port.ServicePort = &name
		default:
			number := intstr.FromInt32(one(g, []int32{80, 9000, 1}))
			port.ServicePort = &number
		}
		ports = append(ports, port)
	}
	return ports
}

func (g generator) sends(withPods bool) []meshtlsv1alpha1.Send {
	var sends []meshtlsv1alpha1.Send
	for range 1 + g.IntN(2) {
		send := meshtlsv1alpha1.Send{Hosts: []string{g.host()}, ClientTLS: g.clientTLS(withPods)}
		if another := g.host(); g.chance(3) && another != send.Hosts[0] {
			send.Hosts = append(send.Hosts, another)
		}
		for _, port := range []int32{80, 443, 8443} {
			if g.chance(4) {
				send.Ports = append(send.Ports, meshtlsv1alpha1.SendPort{Port: port, ClientTLS: g.clientTLS(withPods)})
			}
		}
		if len(send.Ports) > 0 && g.chance(3) {
			send.ClientTLS = meshtlsv1alpha1.ClientTLS{}
		}
		sends = append(sends, send)
	}
	return sends
}

func (g generator) host() string {
	switch g.IntN(4) {
	case 0:
		return one(g, apps)
	case 1:
		return one(g, apps) + "." + one(g, namespaces) + ".svc.cluster.local"
	case 2:
		return one(g, []string{"*.partner.example", "*.shop.svc.cluster.local", "*.local", "api.nowhere.example"})
	default:
		return one(g, external)
	}
}

// clientTLS draws a mode and settings that go with it.
func (g generator) clientTLS(withPods bool) meshtlsv1alpha1.ClientTLS {
	switch g.IntN(5) {
	case 0:
		return meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendAuto}
	case 1:
		return meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendDisable}
	case 2:
		return meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}
	case 3:
		return g.mutual(withPods)
	default:
		return g.simple()
	}
}

func (g generator) simple() meshtlsv1alpha1.ClientTLS {
	tls := meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendSimple}
	switch g.IntN(3) {
	case 0:
		skip := true
		tls.InsecureSkipVerify = &skip
	case 1:
		tls.CACertificates, tls.SubjectAltNames = "/etc/certs/ca.pem", []string{"api.partner.example"}
	default:
		tls.SNI = "sni.partner.example"
	}
	return tls
}

func (g generator) mutual(withPods bool) meshtlsv1alpha1.ClientTLS {
	tls := meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendMutual, CredentialName: "client"}
	if !withPods || g.chance(2) {
		tls.CredentialName, tls.ClientCertificate, tls.PrivateKey = "", "/etc/certs/cert.pem", "/etc/certs/key.pem"
	}
	return tls
}

func (g generator) server() meshtlsv1alpha1.GatewayServer {
	return meshtlsv1alpha1.GatewayServer{
		Port:  one(g, []int32{80, 443, 8443}),
		Hosts: []string{one(g, []string{"shop.example.com", "bank.example.com", "*.example.com", "shop/shop.example.com"})},
	}
}

func (g generator) terminate(i int) meshtlsv1alpha1.Terminate {
	t := meshtlsv1alpha1.Terminate{
		GatewayServer: g.server(),
		Protocol:      one(g, []meshtlsv1alpha1.TerminateProtocol{meshtlsv1alpha1.TerminateHTTPS, meshtlsv1alpha1.TerminateTLS}),
		Mode: one(g, []meshtlsv1alpha1.TerminateMode{
			meshtlsv1alpha1.TerminateSimple, meshtlsv1alpha1.TerminateMutual,
			meshtlsv1alpha1.TerminateOptionalMutual, meshtlsv1alpha1.TerminateIstioMutual,
		}),
	}
	if g.chance(3) {
		t.Name = fmt.Sprintf("server-%d", i)
	}
	if t.Mode == meshtlsv1alpha1.TerminateIstioMutual {
		return t
	}
	g.certificates(&t)
	switch g.IntN(4) {
	case 0:
		t.Profile = one(g, []meshtlsv1alpha1.TLSProfile{
			meshtlsv1alpha1.ProfileModern, meshtlsv1alpha1.ProfileIntermediate, meshtlsv1alpha1.ProfileFIPS,
		})
	case 1:
		t.MinProtocolVersion = meshtlsv1alpha1.TLSV12
		t.MaxProtocolVersion = one(g, []meshtlsv1alpha1.TLSVersion{"", meshtlsv1alpha1.TLSV12, meshtlsv1alpha1.TLSV13})
		t.CipherSuites = []meshtlsv1alpha1.CipherSuite{"ECDHE-RSA-AES128-GCM-SHA256"}
	}
	return t
}

func (g generator) certificates(t *meshtlsv1alpha1.Terminate) {
	switch g.IntN(3) {
	case 0:
		t.CredentialName = "cert"
	case 1:
		t.CredentialNames = []string{"cert-rsa", "cert-ecdsa"}
	default:
		t.ServerCertificate, t.PrivateKey = "/etc/certs/cert.pem", "/etc/certs/key.pem"
		if t.Mode != meshtlsv1alpha1.TerminateSimple {
			t.CACertificates = "/etc/certs/ca.pem"
		}
	}
}

func (g generator) passthrough() meshtlsv1alpha1.Passthrough {
	return meshtlsv1alpha1.Passthrough{
		GatewayServer: g.server(),
		Protocol:      one(g, []meshtlsv1alpha1.PassthroughProtocol{meshtlsv1alpha1.PassthroughTLS, meshtlsv1alpha1.PassthroughHTTPS}),
		Routing:       one(g, []meshtlsv1alpha1.PassthroughRouting{meshtlsv1alpha1.RoutingSNI, meshtlsv1alpha1.RoutingAuto}),
	}
}

func (g generator) plaintext() meshtlsv1alpha1.Plaintext {
	p := meshtlsv1alpha1.Plaintext{
		GatewayServer: g.server(),
		Protocol: one(g, []meshtlsv1alpha1.PlaintextProtocol{
			meshtlsv1alpha1.PlaintextHTTP, meshtlsv1alpha1.PlaintextHTTP2, meshtlsv1alpha1.PlaintextGRPC,
			meshtlsv1alpha1.PlaintextGRPCWeb, meshtlsv1alpha1.PlaintextTCP, meshtlsv1alpha1.PlaintextMongo,
		}),
	}
	p.RedirectToHTTPS = p.Protocol == meshtlsv1alpha1.PlaintextHTTP && g.chance(2)
	return p
}
