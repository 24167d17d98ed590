package model

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Kinds that are looked at and never rendered.
const (
	KindAuthorizationPolicy = "AuthorizationPolicy"
	KindConfigMap           = "ConfigMap"
	KindNamespace           = "Namespace"
	KindPod                 = "Pod"
	KindSecret              = "Secret"
	KindService             = "Service"
	KindServiceEntry        = "ServiceEntry"
	KindVirtualService      = "VirtualService"
	KindWorkloadEntry       = "WorkloadEntry"
	// The kinds of Webhook.
	KindMutatingWebhook   = "MutatingWebhookConfiguration"
	KindValidatingWebhook = "ValidatingWebhookConfiguration"
)

// Inventory is everything of a mesh that bears on its TLS, whoever wrote it: what lint looks at. Each list is ordered by namespace
// and name. The pointers in it are shared with the reader's cache: nobody changes what they point to.
type Inventory struct {
	Mesh Mesh
	// Partial says that this is one namespace with what it depends on, and not the whole mesh: what is not in it may be there all
	// the same, so nothing is to be concluded from that.
	Partial bool
	// Now is when the inventory was taken. Certificates expire.
	Now        metav1.Time
	Namespaces []Namespace
	Services   []Service
	// Workloads are the pods, grouped by shape.
	Workloads             []Workload
	ServiceEntries        []*istionetworkingv1.ServiceEntry
	WorkloadEntries       []*istionetworkingv1.WorkloadEntry
	PeerAuthentications   []*istiosecurityv1.PeerAuthentication
	DestinationRules      []*istionetworkingv1.DestinationRule
	Gateways              []*istionetworkingv1.Gateway
	VirtualServices       []*istionetworkingv1.VirtualService
	AuthorizationPolicies []*istiosecurityv1.AuthorizationPolicy
	// Webhooks are those that the API server calls at a Service.
	Webhooks []Webhook
	// Credentials are the Secrets, and ConfigMaps, that could hold certificates, of the namespaces in CredentialNamespaces.
	Credentials []Credential
	// CredentialNamespaces are those whose credentials could be read. Of others nothing is known.
	CredentialNamespaces sets.Set[string]
}

// Namespace is a namespace with its labels.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// Webhook is a call of the API server to a Service.
type Webhook struct {
	// Kind is KindMutatingWebhook or KindValidatingWebhook, Configuration the object's name, and Name that of the webhook in it.
	Kind          string
	Configuration string
	Name          string
	// Service is who is called, at Port.
	Service types.NamespacedName
	Port    int32
	// Labels and Annotations are the configuration's.
	Labels, Annotations map[string]string
}

// Credential is a Secret or a ConfigMap, as far as it is fit to be shown: no private key is in it.
type Credential struct {
	// Kind is KindSecret or KindConfigMap.
	Kind      string
	Namespace string
	Name      string
	// Labels and Annotations are the object's.
	Labels, Annotations map[string]string
	// Keys are the names of the keys that have a value, Empty of those whose value is empty.
	Keys, Empty sets.Set[string]
	// Pair is the certificate and key that Istio would serve; nil: there is none.
	Pair *CertificatePair
	// CA is what Istio would verify peers by; nil: there is none.
	CA *CertificateBundle
}

// CertificatePair is a certificate chain with its key.
type CertificatePair struct {
	// CertificateKey and KeyKey are the keys of the object that hold the two: cert and key, or tls.crt and tls.key.
	CertificateKey, KeyKey string
	// Problem says why the pair is unusable, as a full sentence: it cannot be parsed, the key is not the certificate's, the chain is
	// broken. Empty: it is usable.
	Problem string
	// Chain is what the certificate holds, the server's own first.
	Chain []Certificate
}

// CertificateBundle are certificates of authorities.
type CertificateBundle struct {
	// Key is the key of the object: cacert, or ca.crt.
	Key string
	// Problem says why the bundle is unusable. Empty: it is usable.
	Problem      string
	Certificates []Certificate
	// Digest tells two bundles apart.
	Digest string
}

// Certificate is what a certificate says.
type Certificate struct {
	Subject string
	// Names are the DNS names and IP addresses that it is for.
	Names               []string
	NotBefore, NotAfter metav1.Time
	// CA says that it may sign others.
	CA bool
	// Fingerprint is its SHA-256, in hex.
	Fingerprint string
}
