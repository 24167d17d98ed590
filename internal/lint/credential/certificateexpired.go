package credential

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-certificate-expired",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds: "a client certificate that has expired or is not valid yet, or a CA of which every certificate has, where a " +
			"DestinationRule has clients use it.",
		Why: "Istio goes on using it, and says so in its log alone. The server refuses the connection, or the client does.",
		Fix: "Renew it.",
	}, certificateExpired)
	addOfServers(lint.About{
		Name:     "gateway-certificate-expired",
		Severity: []lint.Severity{lint.Error},
		Classes:  []string{"M40"},
		Finds:    "a certificate of a server that has expired or is not valid yet, or a client CA of which every certificate has.",
		Why:      "Istio goes on serving it, and says so in its log alone. Clients refuse it.",
		Fix:      "Renew it.",
	}, certificateExpired)
}

// certificateExpired tells of one that is not valid now. Istio serves it all the same.
// Source: istio pilot/pkg/xds/sds.go, generate, which only logs what ValidateCertificate finds.
func certificateExpired(v *mesh.View, w wanted) []model.Finding {
	certificates, what := judged(v, w)
	if len(certificates) == 0 {
		return nil
	}
	var when string
	now := v.Now()
	switch c := lastToExpire(certificates); {
	case c.NotAfter.Before(&now):
		when = "expired on " + c.NotAfter.UTC().Format(dateLayout)
	case now.Before(&c.NotBefore):
		when = "is valid from " + c.NotBefore.UTC().Format(dateLayout) + " on only"
	default:
		return nil
	}
	f := w.finding(lint.Error)
	f.Message = fmt.Sprintf("The %s in %s %s %s, and Istio goes on using it: peers that verify it refuse the connection.",
		what, w.reference.kind, nameOf(v, w), when)
	if w.authority {
		f.Message = fmt.Sprintf("The %s in %s %s %s: the proxies trust no peer by it.", what, w.reference.kind, nameOf(v, w), when)
	}
	f.Remedy = "Renew it, and find out why that has not happened by itself."
	return []model.Finding{f}
}
