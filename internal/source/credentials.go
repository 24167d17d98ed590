package source

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// CredentialNamespaces returns the namespaces whose Secrets are all here. Manifests seldom hold Secrets: theirs are the namespaces of which
// there is one that could be a certificate.
func (r *Reader) CredentialNamespaces() sets.Set[string] {
	if !r.fromCluster {
		return r.namespacesOfCertificates()
	}
	if readable, limited := r.forbidden[secretKind.Kind]; limited {
		return readable
	}
	return r.Namespaces()
}

// certificateKeys are the keys that Istio looks for.
var certificateKeys = []string{"cert", "key", "cacert", "tls.crt", "tls.key", "ca.crt"}

func (r *Reader) namespacesOfCertificates() sets.Set[string] {
	namespaces := sets.New[string]()
	for _, object := range r.objects[secretKind].List() {
		secret, ok := object.(*corev1.Secret)
		if ok && couldBeCertificate(secret) {
			namespaces.Insert(secret.Namespace)
		}
	}
	return namespaces
}

func couldBeCertificate(secret *corev1.Secret) bool {
	return secret.Type == corev1.SecretTypeTLS ||
		slices.ContainsFunc(certificateKeys, func(key string) bool { return hasKey(secret, key) })
}

func hasKey(secret *corev1.Secret, key string) bool {
	_, encoded := secret.Data[key]
	_, plain := secret.StringData[key]
	return encoded || plain
}
