package istio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/model"
)

// defaultServiceAccount is that of pods that name none.
const defaultServiceAccount = "default"

// IsIdentity reports whether the subject alternative name is an identity of a mesh.
func IsIdentity(name string) bool { return strings.HasPrefix(name, "spiffe://") }

// Account returns the identity of a service account, as namespace/name.
func Account(namespace, name string) string { return namespace + "/" + name }

// AccountOf returns the service account that the certificate of the workload's proxy is of, as namespace/name. Empty: it is not known, as
// of a machine that is declared without one.
func AccountOf(w *model.Workload) string {
	if w.ServiceAccount == "" && len(w.Pods) == 0 {
		return ""
	}
	return Account(w.Namespace, cmp.Or(w.ServiceAccount, defaultServiceAccount))
}

// IdentityOf returns the identity of a service account as certificates of the trust domain have it.
func IdentityOf(trustDomain, account string) string {
	namespace, name, _ := strings.Cut(account, "/")
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", trustDomain, namespace, name)
}

// meetIdentity: the client of the mesh's mutual TLS verifies that the server has one of the names that its rule lists, or else that the
// servers are declared with.
// Source: istio pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings.
func (m *Model) meetIdentity(v Verdict, c Connection) Verdict {
	names := v.Sent.Settings.GetSubjectAltNames()
	if len(names) == 0 {
		names = c.To.Names
	}
	account := AccountOf(c.Server)
	if len(names) == 0 || account == "" || slices.ContainsFunc(names, func(name string) bool { return m.isOf(name, account) }) {
		v.Kind, v.Why = MutualTLS, v.Sent.Why
		return v
	}
	v.Kind, v.Expected, v.Certified = Refused, names, IdentityOf(m.mesh.TrustDomain, account)
	v.Why = fmt.Sprintf("%s But the client expects a server with the name %s, and the certificate of this one has the name %s: the handshake "+
		"fails.", v.Sent.Why, OneOf(names), v.Certified)
	return v
}

// namesShown is how many names are told.
const namesShown = 3

// OneOf lists alternative names in words: the first three, and the number of the others.
func OneOf(names []string) string {
	if more := len(names) - namesShown; more > 0 {
		return fmt.Sprintf("%s or one of %d others", strings.Join(names[:namesShown], ", "), more)
	}
	return strings.Join(names, " or ")
}

// isOf reports whether the name is the identity of the service account. The trust domain counts where the mesh config says which it is:
// aliases are names of clients, and no server has one.
func (m *Model) isOf(name, account string) bool {
	if m.mesh.Problem == "" && m.mesh.TrustDomain != "" {
		return name == IdentityOf(m.mesh.TrustDomain, account)
	}
	if !IsIdentity(name) {
		return false
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(name, "spiffe://"), "/")
	return IdentityOf("", account) == "spiffe:///"+path
}
