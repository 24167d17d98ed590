package policies

import (
	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// takePolicy takes a policy. Its servers listen at all addresses, and have certificates that the mesh's authority can issue.
func (c *carrying) takePolicy(p *meshtlsv1alpha1.MeshTLSPolicy) {
	for i := range p.Spec.Send {
		c.takeClient(&p.Spec.Send[i].ClientTLS)
		for j := range p.Spec.Send[i].Ports {
			c.takeClient(&p.Spec.Send[i].Ports[j].ClientTLS)
		}
	}
	for i := range p.Spec.Terminate {
		c.takeTerminate(&p.Spec.Terminate[i])
	}
	for i := range p.Spec.Passthrough {
		c.takeServer(&p.Spec.Passthrough[i].GatewayServer)
	}
	for i := range p.Spec.Plaintext {
		c.takeServer(&p.Spec.Plaintext[i].GatewayServer)
	}
	c.objects = append(c.objects, p)
}

func (c *carrying) takeClient(t *meshtlsv1alpha1.ClientTLS) {
	if len(t.SubjectAltNames) > 0 {
		c.leftOut[outSANs]++
		t.SubjectAltNames = nil
	}
}

func (c *carrying) takeServer(s *meshtlsv1alpha1.GatewayServer) {
	if s.Bind != "" {
		c.leftOut[outBinds]++
		s.Bind = ""
	}
}

func (c *carrying) takeTerminate(t *meshtlsv1alpha1.Terminate) {
	c.takeServer(&t.GatewayServer)
	if len(t.VerifyCertificateSPKI)+len(t.VerifyCertificateHash) > 0 {
		c.leftOut[outPins]++
		t.VerifyCertificateSPKI, t.VerifyCertificateHash = nil, nil
	}
	if len(t.CipherSuites) > 0 {
		c.leftOut[outRSA]++
		t.CipherSuites = []meshtlsv1alpha1.CipherSuite{"ECDHE-ECDSA-AES128-GCM-SHA256"}
	}
	if t.CACertCredentialName != "" {
		c.leftOut[outNames]++
		t.CACertCredentialName = "clients-cacert"
	}
	if len(t.CredentialNames) > 0 {
		c.leftOut[outRSA]++
		t.CredentialName, t.CredentialNames = "cert", nil
	}
}
