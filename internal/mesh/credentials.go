package mesh

import (
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/meshtls/meshtls/internal/model"
)

// Credential finds a Secret or a ConfigMap that could hold certificates; nil: there is none, or it is not known. CredentialsKnown
// tells the two apart.
func (v *contents) Credential(ref model.ObjectRef) *model.Credential {
	v.note(ref.Kind)
	return v.index.credentials()[ref]
}

// Credentials returns the Secrets and ConfigMaps that could hold certificates.
func (v *contents) Credentials() []model.Credential {
	v.note(model.KindSecret)
	return v.inventory.Credentials
}

// CredentialsKnown reports whether the credentials of the namespace could be read and this name was looked for. The name is without
// the ending of those that hold authorities alone.
func (v *contents) CredentialsKnown(namespace, name string) bool {
	return v.inventory.CredentialNamespaces.Has(namespace) &&
		(v.inventory.CredentialNames == nil || v.inventory.CredentialNames.Has(name))
}

// CredentialNamespaces returns the namespaces whose credentials could be read.
func (v *contents) CredentialNamespaces() sets.Set[string] { return v.inventory.CredentialNamespaces }
