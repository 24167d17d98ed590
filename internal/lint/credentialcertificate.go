package lint

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// dateLayout is how a moment is told.
const dateLayout = "2006-01-02 15:04 MST"

// theKeys are those that Istio looks for, in its order.
const theKeys = "cert and key, or else tls.crt and tls.key"

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

// keysShown is how many keys of a Secret are named.
const keysShown = 6

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

// pair is the certificate with its key that the proxies are given; nil: none that works, or none that is understood.
func (v *view) pair(w wanted) *model.CertificatePair {
	if why, _ := w.notAPair(); w.authority || why != "" {
		return nil
	}
	found, _ := v.given(w)
	if found == nil || found.Pair == nil || found.Pair.Problem != "" || len(found.Pair.Chain) == 0 {
		return nil
	}
	return found.Pair
}

// judged are the certificates that must be valid for the credential to do its work, with what they are: the certificate of a pair, or
// the authorities, of which one is enough.
func (v *view) judged(w wanted) (certificates []model.Certificate, what string) {
	if pair := v.pair(w); pair != nil {
		return pair.Chain[:1], "certificate"
	}
	if found, _ := v.given(w); found != nil && w.authority && !w.misnamed() && found.CA != nil {
		return found.CA.Certificates, "last certificate of an authority"
	}
	return nil, ""
}

// lastToExpire is the certificate that counts.
func lastToExpire(certificates []model.Certificate) model.Certificate {
	last := certificates[0]
	for _, c := range certificates[1:] {
		if last.NotAfter.Before(&c.NotAfter) {
			last = c
		}
	}
	return last
}

// certificateExpired tells of one that is not valid now. Istio serves it all the same.
// Source: istio pilot/pkg/xds/sds.go, generate, which only logs what ValidateCertificate finds.
func certificateExpired(v *view, w wanted) []model.Finding {
	certificates, what := v.judged(w)
	if len(certificates) == 0 {
		return nil
	}
	var when string
	switch c := lastToExpire(certificates); {
	case c.NotAfter.Before(&v.Now):
		when = "expired on " + c.NotAfter.UTC().Format(dateLayout)
	case v.Now.Before(&c.NotBefore):
		when = "is valid from " + c.NotBefore.UTC().Format(dateLayout) + " on only"
	default:
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityError)
	f.Message = fmt.Sprintf("The %s in %s %s %s, and Istio goes on using it: peers that verify it refuse the connection.",
		what, w.reference.kind, v.nameOf(w), when)
	if w.authority {
		f.Message = fmt.Sprintf("The %s in %s %s %s: the proxies trust no peer by it.", what, w.reference.kind, v.nameOf(w), when)
	}
	f.Remedy = "Renew it, and find out why that has not happened by itself."
	return []model.Finding{f}
}

// nameOf is the namespace and name of what the proxies are given.
func (v *view) nameOf(w wanted) string {
	if found, _ := v.given(w); found != nil {
		return found.Namespace + "/" + found.Name
	}
	return w.at()
}

// certificateExpiresSoon tells of one that should have been replaced by now.
func certificateExpiresSoon(v *view, w wanted) []model.Finding {
	certificates, what := v.judged(w)
	if len(certificates) == 0 {
		return nil
	}
	c := lastToExpire(certificates)
	replaceBy := c.ReplaceBy()
	if v.Now.Before(&replaceBy) || c.NotAfter.Before(&v.Now) {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityWarning)
	f.Message = fmt.Sprintf("The %s in %s %s expires on %s.", what, w.reference.kind, v.nameOf(w), c.NotAfter.UTC().Format(dateLayout))
	f.Remedy = "Renew it, and find out whether that should have happened by itself."
	return []model.Finding{f}
}

// certificateChainBroken tells of a certificate from which clients may not find to an authority that they know.
func certificateChainBroken(v *view, w wanted) []model.Finding {
	pair := v.pair(w)
	if pair == nil || pair.ChainProblem == "" {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityWarning)
	f.Message = fmt.Sprintf("%s of Secret %s: clients that do not know the missing link refuse the connection. %s",
		pair.CertificateKey, w.at(), pair.ChainProblem)
	f.Remedy = fmt.Sprintf("Put the server's certificate into %s, then all intermediate ones, each before its issuer.", pair.CertificateKey)
	return []model.Finding{f}
}

// certificateNotForHost tells of hosts of a server that none of its certificates is for. It speaks once for all certificates of a
// server: with the first.
func certificateNotForHost(v *view, w wanted) []model.Finding {
	if !w.first {
		return nil
	}
	names, known := v.namesOf(w)
	if !known {
		return nil
	}
	var uncovered []string
	for _, host := range w.server.Hosts {
		if _, name, scoped := strings.Cut(host, "/"); scoped {
			host = name
		}
		if !coveredBy(names, strings.ToLower(host)) {
			uncovered = append(uncovered, host)
		}
	}
	if len(uncovered) == 0 {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityWarning)
	f.Message = fmt.Sprintf("The certificate in Secret %s is not for %s but for %s: clients that verify it refuse the connection.",
		w.at(), strings.Join(uncovered, ", "), orNothing(names))
	f.Remedy = "Have the certificate issued for all hosts of the server, as subject alternative names."
	return []model.Finding{f}
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}

// namesOf are the names that the certificates of the server are for, if all of them are known.
func (v *view) namesOf(w wanted) ([]string, bool) {
	var names []string
	for i := range max(1, len(w.server.Tls.CredentialNames)) {
		if len(w.server.Tls.CredentialNames) > 0 {
			w.reference = parseReference(w.server.Tls.CredentialNames[i])
		}
		pair := v.pair(w)
		if pair == nil {
			return nil, false
		}
		names = append(names, pair.Chain[0].Names...)
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// coveredBy says whether one of the names, as a client compares them (RFC 6125), is for the host. Of the hosts that a wildcard stands
// for not all need be called: one that a certificate is for is enough.
func coveredBy(names []string, host string) bool {
	if host == "*" {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		if domain, many := strings.CutPrefix(host, "*"); many {
			return strings.HasSuffix(name, domain)
		}
		domain, many := strings.CutPrefix(name, "*.")
		_, parent, _ := strings.Cut(host, ".")
		return name == host || many && domain == parent
	})
}
