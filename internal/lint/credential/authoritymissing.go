package credential

import (
	"fmt"
	"strings"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-ca-missing",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M41"},
		Finds:    "a credential of a DestinationRule without a usable `cacert` or `ca.crt`, where the mode verifies the server.",
		Why: "With a `credentialName`, Istio takes the CA from the credential alone, not from the system: `X-cacert` if there " +
			"is such a Secret, else `X`. Without one no connection is made.",
		Fix: "Add the CA as `ca.crt`. To trust the system's, leave `credentialName` out (SIMPLE).",
	}, authorityMissing)
	addOfServers(lint.About{
		Name:     "gateway-client-ca-missing",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M41"},
		Finds:    "a server of mode `MUTUAL` or `OPTIONAL_MUTUAL` whose credential has no usable CA.",
		Why: "Istio takes it from `caCertCredentialName`, or else from a Secret `X-cacert` beside the credential `X`, or else " +
			"from `X`; under `cacert`, or else `ca.crt`. Without one the server serves nobody. A Secret is read as a CA only " +
			"if its name ends in `-cacert`, also in `caCertCredentialName`: `clients-cacert` there means the Secret " +
			"`clients-cacert`, or else `clients`, and `clients` means a certificate with its key.",
		Fix: "Add the CA of the clients.",
	}, authorityMissing)
}

// authorityMissing tells of proxies that must verify their peers and are given nothing to do so by.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert and ExtractRoot.
func authorityMissing(v *mesh.View, w wanted) []model.Finding {
	if !w.authority || w.foreign() {
		return nil
	}
	why, remedy := withoutAuthority(v, w)
	if why == "" {
		return nil
	}
	f := w.finding(lint.Error)
	f.Message = fmt.Sprintf("There is no CA to verify %s by: %s. %s", w.peers(), w.fails(), why)
	f.Remedy = remedy
	return []model.Finding{f}
}

func (w wanted) peers() string {
	if w.server != nil {
		return "clients"
	}
	return w.host
}

// withoutAuthority says why there is none; empty: there is, or it is not known, or another check says so.
func withoutAuthority(v *mesh.View, w wanted) (why, remedy string) {
	if w.misnamed() {
		name := w.reference.name
		return fmt.Sprintf("Istio takes a Secret for one of authorities only if its name ends in %s, also here.", authoritySuffix),
			fmt.Sprintf("Name %s%s: Istio then looks for a Secret of that name, and else for %s.", name, authoritySuffix, name)
	}
	found, known := given(v, w)
	switch {
	case !known || found == nil:
		return "", ""
	case found.CA == nil:
		return fmt.Sprintf("%s %s/%s has no key cacert or ca.crt, and Istio finds %s.", found.Kind, found.Namespace, found.Name, keysOf(found)),
			whereToPut(w, found)
	case found.CA.Problem != "":
		return fmt.Sprintf("%s %s/%s is unusable. %s", found.Kind, found.Namespace, found.Name, found.CA.Problem),
			"Put the certificate of the authority into " + found.CA.Key + ", as PEM."
	default:
		return "", ""
	}
}

func whereToPut(w wanted, found *model.Credential) string {
	if own := strings.TrimSuffix(found.Name, authoritySuffix); w.reference.kind == model.KindSecret && own == found.Name {
		return fmt.Sprintf("Add the certificate of the authority as ca.crt, or as cacert in a Secret %s%s.", own, authoritySuffix)
	}
	return "Add the certificate of the authority as cacert or ca.crt, or delete the " + found.Kind + "."
}
