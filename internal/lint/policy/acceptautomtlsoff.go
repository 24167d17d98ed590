package policy

import (
	"fmt"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "accept-auto-mtls-off",
		Severity: []lint.Severity{lint.Warning},
		Finds: "a policy of the root namespace that has the mesh accept `Strict` or `Permissive` while `enableAutoMtls` is off " +
			"in the mesh config.",
		Why: "Clients then send plaintext unless a DestinationRule says otherwise. For a namespace or a workload the operator " +
			"writes such rules; for the whole mesh it would have to write them into every namespace, which no policy may.",
		Fix: "Turn auto mTLS on, or add `send: [{hosts: [\"*.local\"], mode: IstioMutual, clients: All}]` to the policy.",
	}, acceptAutoMTLSOff)
}

// acceptAutoMTLSOff tells of a mesh that is to accept mutual TLS while its clients do not use it of themselves. For a namespace the
// operator tells them; what is said for the mesh it cannot answer in each namespace.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func acceptAutoMTLSOff(w world) []model.Finding {
	if w.Snapshot.Mesh.AutoMTLS || w.Snapshot.Namespace != w.Snapshot.Mesh.RootNamespace {
		return nil
	}
	var findings []model.Finding
	for _, s := range w.subjects {
		accept := s.policy.Spec.Accept
		if accept == nil || (accept.Mode != meshtlsv1alpha1.AcceptStrict && accept.Mode != meshtlsv1alpha1.AcceptPermissive) {
			continue
		}
		f := s.about(lint.Warning, "spec.accept.mode")
		f.Message = fmt.Sprintf("Auto mTLS is off in the mesh config, so clients send plaintext to workloads that accept %s.", accept.Mode)
		f.Remedy = "Turn enableAutoMtls on, or send IstioMutual to the mesh's hosts (hosts: [*.local], clients: All)."
		findings = append(findings, f)
	}
	return findings
}
