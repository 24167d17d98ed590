package gather

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// something stands for a value that is there and that nobody reads.
var something = []byte("…")

// trimSecret keeps the certificates. Of a private key it keeps the public one, to compare with that of the certificate, and of
// everything else that it is there.
func trimSecret(secret *corev1.Secret) *corev1.Secret {
	trimmed := &corev1.Secret{ObjectMeta: trimMeta(secret.ObjectMeta), Type: secret.Type, Data: make(map[string][]byte, len(secret.Data))}
	for key, value := range secret.Data {
		trimmed.Data[key] = trimValue(key, value)
	}
	return trimmed
}

func trimValue(key string, value []byte) []byte {
	isPair := func(keys [2]string) bool { return keys[0] == key }
	isKey := func(keys [2]string) bool { return keys[1] == key }
	switch {
	case len(value) == 0 || slices.ContainsFunc(pairKeys, isPair) || slices.Contains(authorityKeys, key):
		return value
	case slices.ContainsFunc(pairKeys, isKey):
		return publicPart(value)
	default:
		return something
	}
}

// publicPart returns the public key of a private one. What cannot be read cannot be read of it either.
func publicPart(private []byte) []byte {
	public, err := publicKeyOf(private)
	if err != nil {
		return something
	}
	encoded, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return something
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockPublicKey, Bytes: encoded})
}

// trimConfigMap keeps the mesh config, of the injector's values what is read, and the certificates of authorities.
func trimConfigMap(configMap *corev1.ConfigMap) *corev1.ConfigMap {
	trimmed := &corev1.ConfigMap{ObjectMeta: trimMeta(configMap.ObjectMeta), Data: maps.Clone(configMap.Data)}
	maps.DeleteFunc(trimmed.Data, func(key, _ string) bool { return key != meshConfigKey && !slices.Contains(authorityKeys, key) })
	if domain := clusterDomain(configMap); domain != "" {
		trimmed.Data[injectorValuesKey] = injectorValuesOf(domain)
	}
	return trimmed
}

// trimMeta keeps what tells an object from others, and what it mutes.
func trimMeta(meta metav1.ObjectMeta) metav1.ObjectMeta {
	trimmed := metav1.ObjectMeta{Namespace: meta.Namespace, Name: meta.Name, UID: meta.UID, ResourceVersion: meta.ResourceVersion}
	if muted, ok := meta.Annotations[meshtlsv1alpha1.AnnotationMute]; ok {
		trimmed.Annotations = map[string]string{meshtlsv1alpha1.AnnotationMute: muted}
	}
	return trimmed
}
