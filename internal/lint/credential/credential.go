package credential

import (
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// finder is the question that a check asks about each credential.
type finder func(v *mesh.View, w wanted) []model.Finding

// addOfServers adds a check of the credentials that the servers of Gateways name, and addOfClients one of those that DestinationRules
// name. They judge our objects, too: it is known whose credentials could be read, and they speak of these only.
func addOfServers(about lint.About, find finder) {
	add(about, func(v *mesh.View) []model.Finding { return ofEach(v, mesh.Derived(v, serverCredentials), find) })
}

func addOfClients(about lint.About, find finder) {
	add(about, func(v *mesh.View) []model.Finding { return ofEach(v, mesh.Derived(v, clientCredentials), find) })
}

func add(about lint.About, find func(v *mesh.View) []model.Finding) {
	checks.Add(lint.Check{
		About: about, Ours: true, Find: find,
		Condition: meshtlsv1alpha1.ConditionResolvedRefs, Reason: meshtlsv1alpha1.ReasonCredentialInvalid,
	})
}

func ofEach[T ~[]wanted](v *mesh.View, all T, find finder) []model.Finding {
	var findings []model.Finding
	for _, w := range all {
		findings = append(findings, find(v, w)...)
	}
	return findings
}

// dateLayout is how a moment is told.
const dateLayout = "2006-01-02 15:04 MST"

// keysShown is how many keys of a Secret are named.
const keysShown = 6

// notAPair says why what is named can be no certificate with its key, whatever it holds.
func (w wanted) notAPair() (why, remedy string) {
	switch {
	case w.reference.kind == model.KindConfigMap:
		return "Of a ConfigMap Istio takes certificates of authorities alone.", "Name a Secret."
	case w.reference.kind == model.KindSecret && strings.HasSuffix(w.reference.name, authoritySuffix):
		return "Istio takes a Secret whose name ends in " + authoritySuffix + " for one of authorities alone.",
			"Give the Secret a name that does not end in " + authoritySuffix + "."
	default:
		return "", ""
	}
}

// pair returns the certificate with its key that the proxies are given; nil: none that works, or none that is understood.
func pair(v *mesh.View, w wanted) *model.CertificatePair {
	if why, _ := w.notAPair(); w.authority || why != "" {
		return nil
	}
	found, _ := given(v, w)
	if found == nil || found.Pair == nil || found.Pair.Problem != "" || len(found.Pair.Chain) == 0 {
		return nil
	}
	return found.Pair
}

// judged returns the certificates that must be valid for the credential to do its work, with what they are: the certificate of a pair, or
// the authorities, of which one is enough.
func judged(v *mesh.View, w wanted) (certificates []model.Certificate, what string) {
	if pair := pair(v, w); pair != nil {
		return pair.Chain[:1], "certificate"
	}
	if found, _ := given(v, w); found != nil && w.authority && !w.misnamed() && found.CA != nil {
		return found.CA.Certificates, "last certificate of an authority"
	}
	return nil, ""
}

// lastToExpire returns the certificate that counts.
func lastToExpire(certificates []model.Certificate) model.Certificate {
	last := certificates[0]
	for _, c := range certificates[1:] {
		if last.NotAfter.Before(&c.NotAfter) {
			last = c
		}
	}
	return last
}

// nameOf returns the namespace and name of what the proxies are given.
func nameOf(v *mesh.View, w wanted) string {
	if found, _ := given(v, w); found != nil {
		return found.Namespace + "/" + found.Name
	}
	return w.at()
}
