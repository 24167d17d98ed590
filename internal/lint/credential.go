package lint

import (
	"fmt"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

var credentialChecks = []Check{
	ofClients("destinationrule-ca-missing", authorityMissing),
	ofClients("destinationrule-ca-overridden", authorityOverridden),
	ofClients("destinationrule-certificate-expired", certificateExpired),
	ofClients("destinationrule-certificate-expires-soon", certificateExpiresSoon),
	ofClients("destinationrule-credential-in-other-namespace", credentialInOtherNamespace),
	ofClients("destinationrule-credential-not-found", credentialNotFound),
	ofClients("destinationrule-credential-unusable", credentialUnusable),
	ofServers("gateway-certificate-chain-broken", certificateChainBroken),
	ofServers("gateway-certificate-expired", certificateExpired),
	ofServers("gateway-certificate-expires-soon", certificateExpiresSoon),
	ofServers("gateway-certificate-not-for-host", certificateNotForHost),
	ofServers("gateway-client-ca-missing", authorityMissing),
	ofServers("gateway-client-ca-overridden", authorityOverridden),
	ofServers("gateway-credential-in-other-namespace", credentialInOtherNamespace),
	ofServers("gateway-credential-not-found", credentialNotFound),
	ofServers("gateway-credential-unusable", credentialUnusable),
}

// ofServers is a check of each credential that the servers of Gateways name, and ofClients of each that DestinationRules do.
func ofServers(name string, find func(*view, wanted) []model.Finding) Check {
	check := ofCredentials(name, func(v *view) []model.Finding { return ofEach(v, v.credentials().ofServers, find) })
	check.Reads = append(check.Reads, model.KindGateway)
	return check
}

func ofClients(name string, find func(*view, wanted) []model.Finding) Check {
	check := ofCredentials(name, func(v *view) []model.Finding { return ofEach(v, v.credentials().ofClients, find) })
	// Whose credential it is depends on who calls the host.
	check.Reads = append(check.Reads, model.KindDestinationRule, model.KindService, model.KindServiceEntry, model.KindVirtualService)
	return check
}

func ofEach(v *view, all []wanted, find func(*view, wanted) []model.Finding) []model.Finding {
	var findings []model.Finding
	for _, w := range all {
		findings = append(findings, find(v, w)...)
	}
	return findings
}

// ofCredentials are right about our objects too: whose credentials may be read is known, and only of these do they speak.
func ofCredentials(name string, find func(*view) []model.Finding) Check {
	return Check{
		Name:      name,
		Reads:     []string{model.KindSecret, model.KindConfigMap, model.KindPod},
		Ours:      true,
		Condition: meshtlsv1alpha1.ConditionResolvedRefs,
		Reason:    meshtlsv1alpha1.ReasonCredentialInvalid,
		find:      find,
	}
}

// credentialInOtherNamespace tells of a Secret that is named with a namespace: Istio gives a proxy those of its own alone.
// Source: istio pilot/pkg/xds/sds.go, filterAuthorizedResources.
func credentialInOtherNamespace(_ *view, w wanted) []model.Finding {
	if !w.foreign() || w.derived {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityError)
	f.Message = fmt.Sprintf("It names a Secret of namespace %s, %s are in %s, and Istio gives a proxy Secrets of its own namespace only: %s.",
		w.reference.namespace, w.proxiesAre(), w.proxies, w.fails())
	f.Remedy = fmt.Sprintf("Copy the Secret into namespace %s and name it without a namespace.", w.proxies)
	return []model.Finding{f}
}

// credentialNotFound tells of a credential that is not where the proxies are.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCertInfo, GetCaCert and GetConfigMapCaCert.
func credentialNotFound(v *view, w wanted) []model.Finding {
	if w.derived || w.misnamed() {
		return nil
	}
	if found, known := v.given(w); !known || found != nil {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityError)
	what := fmt.Sprintf("%s %s", w.reference.kind, w.reference.name)
	if w.reference.kind == model.KindConfigMap {
		what += " with a CA (ca.crt or cacert)"
	}
	f.Message = fmt.Sprintf("There is no %s in namespace %s, where Istio looks for it%s: %s.", what, w.place(), v.whereElse(w), w.fails())
	f.Remedy = fmt.Sprintf("Create the %s in namespace %s, or name one that is there.", w.reference.kind, w.place())
	return []model.Finding{f}
}

// whereElse explains the place, and names another namespace in which there is such an object.
func (v *view) whereElse(w wanted) string {
	why := ""
	if w.reference.namespace == "" {
		why = fmt.Sprintf(" since %s are there", w.proxiesAre())
	}
	if other := v.otherPlace(w); other != "" {
		why += fmt.Sprintf(" (there is one in namespace %s)", other)
	}
	return why
}

// otherPlace is the namespace of the object that names the credential if there is such a one, or else the first that has it.
func (v *view) otherPlace(w wanted) string {
	var places []string
	for _, c := range v.Credentials {
		if c.Kind == w.reference.kind && c.Name == w.reference.name {
			places = append(places, c.Namespace)
		}
	}
	switch {
	case len(places) == 0:
		return ""
	case slices.Contains(places, w.object.GetNamespace()):
		return w.object.GetNamespace()
	default:
		return slices.Min(places)
	}
}

// credentialUnusable tells of one that is there and is no certificate with its key.
// Source: istio pilot/pkg/credentials/kube/secrets.go, ExtractCertInfo; pilot/pkg/xds/sds.go, generate.
func credentialUnusable(v *view, w wanted) []model.Finding {
	if w.authority || w.foreign() {
		return nil
	}
	why, remedy := w.notAPair()
	if why == "" {
		found, known := v.given(w)
		if !known || found == nil {
			return nil
		}
		why, remedy = whatIsWrong(found)
	}
	if why == "" {
		return nil
	}
	f := w.finding(meshtlsv1alpha1.SeverityError)
	f.Message = fmt.Sprintf("%s %s cannot serve as a certificate with its key: %s. %s", w.reference.kind, w.at(), w.fails(), why)
	f.Remedy = remedy
	return []model.Finding{f}
}
