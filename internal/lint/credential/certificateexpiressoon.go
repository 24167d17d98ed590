package credential

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	about := lint.About{
		Severity: []lint.Severity{lint.Warning},
		Classes:  []string{"M40"},
		Finds:    "the same, before it happens: 30 days before the end, or a quarter of the certificate's life if that is shorter.",
		Why:      "Whatever renews certificates by itself has done so by then.",
		Fix:      "Renew it, or find out why it was not.",
	}
	about.Name = "destinationrule-certificate-expires-soon"
	addOfClients(about, certificateExpiresSoon)
	about.Name = "gateway-certificate-expires-soon"
	addOfServers(about, certificateExpiresSoon)
}

// certificateExpiresSoon tells of one that should have been replaced by now.
func certificateExpiresSoon(v *mesh.View, w wanted) []model.Finding {
	certificates, what := judged(v, w)
	if len(certificates) == 0 {
		return nil
	}
	c := lastToExpire(certificates)
	now, replaceBy := v.Now(), c.ReplaceBy()
	if now.Before(&replaceBy) || c.NotAfter.Before(&now) {
		return nil
	}
	f := w.finding(lint.Warning)
	f.Message = fmt.Sprintf("The %s in %s %s expires on %s.", what, w.reference.kind, nameOf(v, w), c.NotAfter.UTC().Format(dateLayout))
	f.Remedy = "Renew it, and find out whether that should have happened by itself."
	return []model.Finding{f}
}
