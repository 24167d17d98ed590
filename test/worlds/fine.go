package worlds

import (
	"fmt"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// refine adds to the policies what few users need: exceptions from floors, revocation lists, names and addresses of servers, and what else
// a certificate is held to.
func (g generator) refine(policies []*meshtlsv1alpha1.MeshTLSPolicy) {
	for _, p := range policies {
		if p.Spec.Accept != nil && p.Spec.Accept.Floor != "" {
			p.Spec.Accept.FloorExceptions = g.floorExceptions(p, policies)
		}
		for i := range p.Spec.Send {
			g.refineClient(&p.Spec.Send[i].ClientTLS)
			for j := range p.Spec.Send[i].Ports {
				g.refineClient(&p.Spec.Send[i].Ports[j].ClientTLS)
			}
		}
		for i := range p.Spec.Terminate {
			g.refineTerminate(&p.Spec.Terminate[i])
		}
		for i := range p.Spec.Passthrough {
			g.refineServer(&p.Spec.Passthrough[i].GatewayServer, fmt.Sprintf("passed-%d", i))
		}
		for i := range p.Spec.Plaintext {
			g.refineServer(&p.Spec.Plaintext[i].GatewayServer, fmt.Sprintf("plain-%d", i))
		}
	}
}

// floorExceptions draws exceptions for some of the policies; of these, some have ended by the middle of the year.
func (g generator) floorExceptions(
	above *meshtlsv1alpha1.MeshTLSPolicy, policies []*meshtlsv1alpha1.MeshTLSPolicy,
) []meshtlsv1alpha1.FloorException {
	var all []meshtlsv1alpha1.FloorException
	for range g.IntN(4) {
		other := one(g, policies)
		e := meshtlsv1alpha1.FloorException{
			Policy: other.Name, Reason: "it moves next year", Until: one(g, []string{"2026-03-31", "2026-12-31", "2027-06-30"}),
			Ports: one(g, [][]int32{nil, nil, {8080}, {8080, 8081, 9090}}),
		}
		if other.Namespace != above.Namespace {
			e.Namespace = other.Namespace
		}
		all = append(all, e)
	}
	return all
}

func (g generator) refineClient(tls *meshtlsv1alpha1.ClientTLS) {
	files := tls.InsecureSkipVerify == nil && tls.CredentialName == ""
	if tls.Mode == meshtlsv1alpha1.SendMutual {
		if g.chance(3) {
			tls.SNI = "sni.partner.example"
		}
		if files && g.chance(2) {
			tls.CACertificates, tls.SubjectAltNames = "/etc/certs/ca.pem", []string{"api.partner.example"}
		}
	}
	if files && tls.CACertificates != "" && g.chance(2) {
		tls.CACRL = "/etc/certs/crl.pem"
	}
}

func (g generator) refineTerminate(t *meshtlsv1alpha1.Terminate) {
	g.refineServer(&t.GatewayServer, "")
	if t.Mode != meshtlsv1alpha1.TerminateMutual && t.Mode != meshtlsv1alpha1.TerminateOptionalMutual {
		return
	}
	if g.chance(2) {
		t.SubjectAltNames = []string{"client.partner.example"}
	}
	if t.ServerCertificate != "" {
		if g.chance(2) {
			t.CACRL = "/etc/certs/crl.pem"
		}
		return
	}
	if g.chance(2) {
		t.CACertCredentialName = one(g, []string{"clients-cacert", "partner-cacert", "clients-ca"})
	}
	switch g.IntN(4) {
	case 0:
		t.VerifyCertificateSPKI = []string{strings.Repeat("A", 43) + "="}
	case 1:
		t.VerifyCertificateHash = []string{strings.Repeat("0a", 32)}
	}
}

// refineServer gives the server a name, where one is given, and an address.
func (g generator) refineServer(s *meshtlsv1alpha1.GatewayServer, name string) {
	if g.chance(3) && name != "" {
		s.Name = name
	}
	if g.chance(8) {
		s.Bind = "10.9.9.9"
	}
}
