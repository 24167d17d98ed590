package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// about begins a finding about the server, or about a field in it.
func about(s mesh.GatewayServer, severity lint.Severity, path string) model.Finding {
	return model.Finding{Severity: severity, Subject: s.Ref(), Field: s.Field(path)}
}

// placeOf names the server beside another object.
func placeOf(s mesh.GatewayServer) string {
	return fmt.Sprintf("%s of %s", s.Field(""), s.Ref())
}

// redirects reports whether the server sends its clients to https.
func redirects(s mesh.GatewayServer) bool {
	return s.GetTls().GetHttpsRedirect() && istio.KindOf(s.Port.Protocol, true).Family == istio.FamilyHTTP
}

// credentials returns the Secrets with certificates that the server names by a plain name.
func credentials(s mesh.GatewayServer) []string {
	names := s.GetTls().GetCredentialNames()
	if len(names) == 0 {
		names = []string{s.GetTls().GetCredentialName()}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" || strings.Contains(name, "://") })
}
