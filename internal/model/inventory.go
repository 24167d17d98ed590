package model

import (
	networkingv1 "k8s.io/api/networking/v1"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"
)

// KindPolicy is the kind that users write.
const KindPolicy = "MeshTLSPolicy"

// Kinds that are read and never rendered.
const (
	KindConfigMap      = "ConfigMap"
	KindNamespace      = "Namespace"
	KindPod            = "Pod"
	KindSecret         = "Secret"
	KindService        = "Service"
	KindServiceEntry   = "ServiceEntry"
	KindVirtualService = "VirtualService"
	KindWorkloadEntry  = "WorkloadEntry"
	KindEndpointSlice  = "EndpointSlice"
	KindEnvoyFilter    = "EnvoyFilter"
	KindIngress        = "Ingress"
	KindIngressClass   = "IngressClass"
	KindSidecar        = "Sidecar"
	// The kinds of Webhook.
	KindMutatingWebhook   = "MutatingWebhookConfiguration"
	KindValidatingWebhook = "ValidatingWebhookConfiguration"
)

// Inventory is everything of a mesh that bears on its TLS, whoever wrote it. Each list is ordered by namespace and name. The pointers
// in it are shared with the reader's cache: nobody changes what they point to.
type Inventory struct {
	Mesh Mesh
	// Partial says that not all could be read: what is not in it may be there all the same, so nothing is to be concluded from that.
	Partial bool
	// Files is what is known of the files that the inventory was taken of, where a cluster may have more; nil: there is no more.
	Files *Files
	// Omitted are the fields that manifests leave out where Istio's API cannot tell that from the zero value: the mode of a
	// DestinationRule's tls. Of a cluster they are not known.
	Omitted sets.Set[FieldRef]
	// Now is when the inventory was taken: certificates expire, and exceptions from floors end. Zero: it is not known, and nothing has.
	Now        metav1.Time
	Namespaces []Namespace
	Services   []Service
	// Workloads are the pods, grouped by shape.
	Workloads             []*Workload
	ServiceEntries        []*istionetworkingv1.ServiceEntry
	WorkloadEntries       []*istionetworkingv1.WorkloadEntry
	PeerAuthentications   []*istiosecurityv1.PeerAuthentication
	DestinationRules      []*istionetworkingv1.DestinationRule
	Gateways              []*istionetworkingv1.Gateway
	VirtualServices       []*istionetworkingv1.VirtualService
	Sidecars              []*istionetworkingv1.Sidecar
	AuthorizationPolicies []*istiosecurityv1.AuthorizationPolicy
	// Endpoints are the EndpointSlices of Services without a selector.
	Endpoints []EndpointSlice
	// Ingresses are the Kubernetes Ingresses, and IngressClasses what their classes are served by.
	Ingresses      []*networkingv1.Ingress
	IngressClasses []IngressClass
	// KubernetesGateways are the Gateways of the Kubernetes Gateway API, of every class, and ReferenceGrants what they may use of other
	// namespaces. Istio reads those of all revisions.
	KubernetesGateways []*gatewayv1.Gateway
	ReferenceGrants    []*gatewayv1beta1.ReferenceGrant
	// Tags are the control plane revisions that are known, and the tags that stand for them.
	Tags []RevisionTag
	// Others are objects that change what proxies do and that the model does not interpret.
	Others []Other
	// Undecoded are Istio's objects of which only the metadata could be read. They are in no other list.
	Undecoded []Undecoded
	// Webhooks are those that the API server calls at a Service.
	Webhooks []Webhook
	// Credentials are the Secrets, and ConfigMaps, that could hold certificates, of the namespaces in CredentialNamespaces.
	Credentials []Credential
	// CredentialNamespaces are those whose credentials could be read. Of others nothing is known.
	CredentialNamespaces sets.Set[string]
	// CredentialNames are the names that were looked for there, without the ending of those that hold authorities alone; nil: all.
	CredentialNames sets.Set[string]
}

// InRevision returns the inventory with only those objects that the control plane of the revision reads.
func (i Inventory) InRevision(revision string) Inventory {
	i.PeerAuthentications = OfRevision(i.PeerAuthentications, revision)
	i.DestinationRules = OfRevision(i.DestinationRules, revision)
	i.Gateways = OfRevision(i.Gateways, revision)
	i.VirtualServices = OfRevision(i.VirtualServices, revision)
	i.ServiceEntries = OfRevision(i.ServiceEntries, revision)
	i.WorkloadEntries = OfRevision(i.WorkloadEntries, revision)
	i.AuthorizationPolicies = OfRevision(i.AuthorizationPolicies, revision)
	i.Sidecars = OfRevision(i.Sidecars, revision)
	return i
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
	// Annotations are the object's.
	Annotations map[string]string
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
	// Problem says why the pair is unusable, as a full sentence: it cannot be parsed, the key is not the certificate's. Empty: it is
	// usable.
	Problem string
	// ChainProblem says why clients may not find from the certificate to an authority that they know. Empty: nothing speaks against it.
	ChainProblem string
	// Chain is what the certificate holds, the server's own first; empty: it could not be read.
	Chain []Certificate
}

// CertificateBundle are certificates of authorities.
type CertificateBundle struct {
	// Key is the key of the object: cacert, or ca.crt.
	Key string
	// Problem says why the bundle is unusable, as a full sentence. Empty: it is usable.
	Problem      string
	Certificates []Certificate
	// Issuer says that one of them issued the pair that the object holds too, or a certificate of its chain.
	Issuer bool
}

// Certificate is what a certificate says.
type Certificate struct {
	Subject string
	// Names are the DNS names and IP addresses that it is for.
	Names               []string
	NotBefore, NotAfter metav1.Time
	// Fingerprint is its SHA-256, in hex.
	Fingerprint string
}

// soonDays is how long before its end a certificate should have been replaced, unless its life is short.
const soonDays = 30

// ReplaceBy is when the certificate should have been replaced: 30 days before its end, or a quarter of its life if that is shorter.
func (c Certificate) ReplaceBy() metav1.Time {
	days, quarter := c.NotAfter.AddDate(0, 0, -soonDays), c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore.Time)/4)
	if quarter.After(days) {
		return metav1.NewTime(quarter)
	}
	return metav1.NewTime(days)
}
