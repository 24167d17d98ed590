package credential

import (
	"cmp"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// authoritySuffix ends the name of a Secret that holds authorities alone. Istio appends it to the name of a credential to look for
// the authorities, and falls back to the credential itself.
// Source: istio pilot/pkg/credentials/kube/secrets.go, GetCaCert.
const authoritySuffix = "-cacert"

// wanted is a credential that an object has proxies of a namespace ask for.
type wanted struct {
	kind   string
	object metav1.Object
	// field is where the object names the credential.
	field     string
	reference reference
	// proxies is the namespace of the proxies that ask.
	proxies string
	// authority says that authorities are asked for, and not a certificate with its key. It is derived if no field names it: it is
	// looked for beside the certificate.
	authority, derived bool
	// first says that it is the first certificate that the server names.
	first bool
	// server is the one that names it, and hosts those that are called with it otherwise.
	server *networkingapi.Server
	host   string
}

// misnamed reports whether a Secret is named for its authorities that Istio takes for a certificate with its key: a field of its own does
// not change how the name is read.
// Source: istio pilot/pkg/xds/sds.go, generate.
func (w wanted) misnamed() bool {
	return w.authority && !w.derived && w.server != nil && w.reference.kind == model.KindSecret &&
		!strings.HasSuffix(w.reference.name, authoritySuffix)
}

// foreign reports whether a Secret of another namespace than the proxies' is named.
func (w wanted) foreign() bool {
	return !w.reference.granted && w.reference.kind == model.KindSecret && w.reference.namespace != "" && w.reference.namespace != w.proxies
}

// place returns the namespace where Istio looks.
func (w wanted) place() string { return cmp.Or(w.reference.namespace, w.proxies) }

// at is namespace/name.
func (w wanted) at() string { return w.place() + "/" + w.reference.name }

func (w wanted) finding(severity lint.Severity) model.Finding {
	return lint.Finding(severity, w.kind, w.object, w.field)
}

// proxiesAre says whose namespace it is about.
func (w wanted) proxiesAre() string {
	if w.server != nil {
		return "the gateway's pods"
	}
	return "the clients"
}

// fails says what follows where proxies are not given what they ask for.
func (w wanted) fails() string {
	if w.server != nil {
		return "no connection to the server succeeds"
	}
	return "no connection to " + w.host + " succeeds"
}

// reference is what the name of a credential says.
type reference struct {
	// kind is KindSecret or KindConfigMap; empty: something that no object of the cluster holds, or that is not known here.
	kind string
	// namespace is empty where the name does not say it.
	namespace, name string
	// granted says that the proxies may ask for one of another namespace.
	granted bool
}

// parseReference reads the name of a credential as Istio does. What the proxy has itself (builtin://), what comes from elsewhere
// (sds://) and what Istio makes of the Gateway API's Gateways (kubernetes-gateway://, invalid://) is not looked into.
// Source: istio pilot/pkg/model/credentials/resource.go, ToResourceName and ParseResourceName.
func parseReference(name string) reference {
	scheme, rest, qualified := strings.Cut(name, "://")
	switch {
	case !qualified:
		scheme, rest = "kubernetes", name
	case scheme != "kubernetes" && scheme != "configmap":
		return reference{}
	}
	parts := strings.Split(rest, "/")
	r := reference{kind: model.KindSecret, name: parts[0]}
	if len(parts) > 1 {
		r.namespace, r.name = parts[0], parts[1]
	}
	if scheme == "configmap" {
		r.kind = model.KindConfigMap
		if r.namespace == "" {
			return reference{}
		}
	}
	return r
}

// parseGranted reads the name of a credential that Istio makes of the reference of a listener of the Gateway API.
func parseGranted(name string) reference {
	if rest, secret := strings.CutPrefix(name, "kubernetes-gateway://"); secret {
		name = "kubernetes://" + rest
	}
	r := parseReference(name)
	if r.kind == model.KindConfigMap {
		r.name = strings.TrimSuffix(r.name, authoritySuffix)
	}
	return r
}

// given returns what Istio answers a proxy that asks, nil for nothing, and whether that is known.
func given(v *mesh.View, w wanted) (found *model.Credential, known bool) {
	itself := strings.TrimSuffix(w.reference.name, authoritySuffix)
	if w.reference.kind == "" || w.foreign() || !v.CredentialsKnown(w.place(), itself) {
		return nil, false
	}
	names := []string{w.reference.name}
	if w.authority {
		if names = []string{itself}; w.reference.kind == model.KindSecret {
			names = []string{itself + authoritySuffix, itself}
		}
	}
	for _, name := range names {
		if c := v.Credential(model.ObjectRef{Kind: w.reference.kind, Namespace: w.place(), Name: name}); c != nil {
			return c, true
		}
	}
	return nil, true
}
