package credential

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-credential-unusable",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds:    "a credential of a DestinationRule of mode `MUTUAL` that holds no client certificate with its key.",
		Why:      "See [gateway-credential-unusable](#gateway-credential-unusable).",
		Fix:      "Name a Secret with `tls.crt` and `tls.key`.",
	}, credentialUnusable)
	addOfServers(lint.About{
		Name:     "gateway-credential-unusable",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40", "M43"},
		Finds: "a Secret that holds no certificate with its key: other keys, empty ones, no PEM, an encrypted key, a key of " +
			"another certificate, a chain that does not begin with the server's own; a ConfigMap, or a name that ends in " +
			"`-cacert`, which Istio takes for a CA.",
		Why: "Istio looks for `cert` and `key`, then for `tls.crt` and `tls.key`. The proxy is given nothing, or refuses it: " +
			"the server serves nobody, or goes on with the certificate from before until the pod starts again.",
		Fix: "`kubectl create secret tls`, which checks the pair.",
	}, credentialUnusable)
}

// credentialUnusable tells of one that is there and is no certificate with its key.
// Source: istio pilot/pkg/credentials/kube/secrets.go, ExtractCertInfo; pilot/pkg/xds/sds.go, generate.
func credentialUnusable(v *mesh.View, w wanted) []model.Finding {
	if w.authority || w.foreign() {
		return nil
	}
	why, remedy := w.notAPair()
	if why == "" {
		found, known := given(v, w)
		if !known || found == nil {
			return nil
		}
		why, remedy = whatIsWrong(found)
	}
	if why == "" {
		return nil
	}
	f := w.finding(lint.Error)
	f.Message = fmt.Sprintf("%s %s cannot serve as a certificate with its key: %s. %s", w.reference.kind, w.at(), w.fails(), why)
	f.Remedy = remedy
	return []model.Finding{f}
}

// theKeys are those that Istio looks for, in its order.
const theKeys = "cert and key, or else tls.crt and tls.key"

// whatIsWrong says why the Secret holds no pair that can be used.
func whatIsWrong(c *model.Credential) (why, remedy string) {
	switch {
	case c.Pair != nil && c.Pair.Problem != "":
		return c.Pair.Problem, fmt.Sprintf("Put a certificate into %s and its own key into %s.", c.Pair.CertificateKey, c.Pair.KeyKey)
	case c.Pair != nil:
		return "", ""
	}
	return fmt.Sprintf("Istio looks for %s, and finds %s.", theKeys, keysOf(c)),
		"Create it with kubectl create secret tls, or with these keys."
}

func keysOf(c *model.Credential) string {
	var found []string
	for key := range c.Keys {
		found = append(found, key)
	}
	for key := range c.Empty {
		found = append(found, key+" (empty)")
	}
	slices.Sort(found)
	switch {
	case len(found) == 0:
		return "no key"
	case len(found) > keysShown:
		return strings.Join(found[:keysShown], ", ") + fmt.Sprintf(" and %d more", len(found)-keysShown)
	}
	return strings.Join(found, ", ")
}
