package check

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// acceptAutoMTLSOff tells of a mesh that is to accept mutual TLS while its clients do not use it of themselves. For a namespace the
// operator tells them; what is said for the mesh it cannot answer in each namespace.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func acceptAutoMTLSOff(w world) []model.Finding {
	if w.snapshot.Mesh.AutoMTLS || w.snapshot.Namespace != w.snapshot.Mesh.RootNamespace {
		return nil
	}
	var findings []model.Finding
	for _, s := range w.subjects {
		accept := s.policy.Spec.Accept
		if accept == nil || (accept.Mode != meshtlsv1alpha1.AcceptStrict && accept.Mode != meshtlsv1alpha1.AcceptPermissive) {
			continue
		}
		f := s.about(meshtlsv1alpha1.SeverityWarning, "spec.accept.mode")
		f.Message = fmt.Sprintf("Auto mTLS is off in the mesh config, so clients send plaintext to workloads that accept %s.", accept.Mode)
		f.Remedy = "Turn enableAutoMtls on, or send IstioMutual to the mesh's hosts (hosts: [*.local], clients: All)."
		findings = append(findings, f)
	}
	return findings
}
