package credential

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfClients(lint.About{
		Name:     "destinationrule-ca-overridden",
		Severity: []lint.Severity{lint.Warning},
		Classes:  []string{"M42"},
		Finds:    "a Secret `X-cacert` beside a Secret `X` with another CA, where a DestinationRule names `X`.",
		Why:      "See [gateway-client-ca-overridden](#gateway-client-ca-overridden).",
		Fix:      "Delete the one that is left over.",
	}, authorityOverridden)
	addOfServers(lint.About{
		Name:     "gateway-client-ca-overridden",
		Severity: []lint.Severity{lint.Warning},
		Classes:  []string{"M42"},
		Finds: "a Secret `X-cacert` beside a Secret `X` that has a CA of its own which the former lacks, where a server verifies " +
			"clients.",
		Why: "`X-cacert` wins whole. If it is left over from before, clients of the CA in `X` are refused, or those of the old " +
			"one still admitted. A `ca.crt` that issued the certificate in `X` is not counted: tools that issue certificates " +
			"put it there.",
		Fix: "Delete what is left over, or put all CAs into `X-cacert`.",
	}, authorityOverridden)
}

// authorityOverridden tells of a Secret X-cacert that takes the place of an authority that X has itself. That of a pair's issuer is
// none that somebody chose to verify peers by: those who issue certificates put it there.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert.
func authorityOverridden(v *mesh.View, w wanted) []model.Finding {
	if !w.authority || w.reference.kind != model.KindSecret || w.misnamed() {
		return nil
	}
	found, _ := given(v, w)
	if found == nil || found.CA == nil {
		return nil
	}
	own, apart := strings.CutSuffix(found.Name, authoritySuffix)
	itself := v.Credential(model.ObjectRef{Kind: found.Kind, Namespace: found.Namespace, Name: own})
	if !apart || itself == nil || !chosen(itself) || fingerprints(found.CA).IsSuperset(fingerprints(itself.CA)) {
		return nil
	}
	f := w.finding(lint.Warning)
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
