package lint

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// misnamed says whether a Secret is named for its authorities that Istio takes for a certificate with its key: a field of its own does
// not change how the name is read.
// Source: istio pilot/pkg/xds/sds.go, generate.
func (w wanted) misnamed() bool {
	return w.authority && !w.derived && w.server != nil && w.reference.kind == model.KindSecret &&
		!strings.HasSuffix(w.reference.name, authoritySuffix)
}

// authorityMissing tells of proxies that must verify their peers and are given nothing to do so by.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert and ExtractRoot.
func authorityMissing(v *view, w wanted) []model.Finding {
	if !w.authority || w.foreign() {
		return nil
	}
	why, remedy := v.withoutAuthority(w)
	if why == "" {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityError)
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
func (v *view) withoutAuthority(w wanted) (why, remedy string) {
	if w.misnamed() {
		name := w.reference.name
		return fmt.Sprintf("Istio takes a Secret for one of authorities only if its name ends in %s, also here.", authoritySuffix),
			fmt.Sprintf("Name %s%s: Istio then looks for a Secret of that name, and else for %s.", name, authoritySuffix, name)
	}
	found, known := v.given(w)
	switch {
	case !known || found == nil:
		return "", ""
	case found.CA == nil:
		return fmt.Sprintf("%s %s/%s has no key cacert or ca.crt, and Istio finds %s.", found.Kind, found.Namespace, found.Name, keysOf(found)),
			v.whereToPut(w, found)
	case found.CA.Problem != "":
		return fmt.Sprintf("%s %s/%s is unusable. %s", found.Kind, found.Namespace, found.Name, found.CA.Problem),
			"Put the certificate of the authority into " + found.CA.Key + ", as PEM."
	default:
		return "", ""
	}
}

func (v *view) whereToPut(w wanted, found *model.Credential) string {
	if own := strings.TrimSuffix(found.Name, authoritySuffix); w.reference.kind == model.KindSecret && own == found.Name {
		return fmt.Sprintf("Add the certificate of the authority as ca.crt, or as cacert in a Secret %s%s.", own, authoritySuffix)
	}
	return "Add the certificate of the authority as cacert or ca.crt, or delete the " + found.Kind + "."
}

// authorityOverridden tells of a Secret X-cacert that takes the place of an authority that X has itself. That of a pair's issuer is
// none that somebody chose to verify peers by: those who issue certificates put it there.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert.
func authorityOverridden(v *view, w wanted) []model.Finding {
	if !w.authority || w.reference.kind != model.KindSecret || w.misnamed() {
		return nil
	}
	found, _ := v.given(w)
	if found == nil || found.CA == nil {
		return nil
	}
	own, apart := strings.CutSuffix(found.Name, authoritySuffix)
	itself := v.credentials().known[model.ObjectRef{Kind: found.Kind, Namespace: found.Namespace, Name: own}]
	if !apart || itself == nil || !chosen(itself) || fingerprints(found.CA).IsSuperset(fingerprints(itself.CA)) {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityWarning)
	f.Message = fmt.Sprintf("Secret %s/%s takes the place of the CA that Secret %s/%s has in %s, and does not hold it: "+
		"peers with a certificate of that CA are refused.", found.Namespace, found.Name, itself.Namespace, itself.Name, itself.CA.Key)
	f.Remedy = fmt.Sprintf("Delete Secret %s/%s if it is left over, or add the other certificates to it.", found.Namespace, found.Name)
	return []model.Finding{f}
}

func chosen(c *model.Credential) bool { return c.CA != nil && c.CA.Problem == "" && !c.CA.Issuer }

func fingerprints(bundle *model.CertificateBundle) sets.Set[string] {
	all := sets.New[string]()
	for _, c := range bundle.Certificates {
		all.Insert(c.Fingerprint)
	}
	return all
}
