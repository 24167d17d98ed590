package explain

import (
	"cmp"
	"strings"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Answer is what there is to say about a target. Its form in JSON is documented in docs/cli.md.
type Answer struct {
	Question Question        `json:"question"`
	Target   model.ObjectRef `json:"target"`
	// Notes are about the mesh as a whole.
	Notes []string `json:"notes,omitempty"`
	// Workloads are the target's pods; pods with the same answer are one.
	Workloads []Workload `json:"workloads"`
}

// Inbound reports whether the answer is about the inbound connections of the workload.
func (a Answer) Inbound(w Workload) bool {
	return a.Question.Inbound() && (a.Target.Kind != kindPolicy || w.takes())
}

// Outbound reports whether the answer is about the outbound connections of the workload.
func (a Answer) Outbound(w Workload) bool {
	return a.Question.Outbound() && (a.Target.Kind != kindPolicy || len(w.Outbound) > 0)
}

// Proxy is what stands between pods and the network.
type Proxy string

// The proxies.
const (
	ProxySidecar Proxy = "Sidecar"
	ProxyGateway Proxy = "Gateway"
	ProxyAmbient Proxy = "Ambient"
	ProxyNone    Proxy = "None"
)

// Workload are pods with the same answer.
type Workload struct {
	Namespace string `json:"namespace"`
	// Example is the name of one of the pods, and Pods their number.
	Example string `json:"example"`
	Pods    int    `json:"pods"`
	Proxy   Proxy  `json:"proxy"`
	// Revision is the control plane's; empty: the default one.
	Revision string `json:"revision,omitempty"`
	// Notes are about all connections of the pods.
	Notes []string `json:"notes,omitempty"`
	// Inbound are the ports, ascending; last, with number 0, all that are not listed. A gateway has Listeners instead.
	Inbound []Inbound `json:"inbound,omitempty"`
	// Ignored are the PeerAuthentications that select the pods to no effect.
	Ignored []Ignored `json:"ignored,omitempty"`
	// Listeners are where a gateway listens.
	Listeners []Listener `json:"listeners,omitempty"`
	// Dropped are the servers of Gateways that are for these pods and that Istio leaves out.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Outbound are the destinations, by name and port.
	Outbound []Outbound `json:"outbound,omitempty"`
	// Omitted counts the destinations that are not listed: there Istio does what it does by default.
	Omitted []Omitted `json:"omitted,omitempty"`
}

// Origin is what decided a setting.
type Origin struct {
	// ObjectRef is the object that decided; empty: no object says anything, and Istio's default holds.
	model.ObjectRef
	// Field is the path within the object, or what decided where no object did.
	Field string `json:"field,omitempty"`
	// Policies are the MeshTLSPolicies that the operator writes the object for, in its namespace.
	Policies []string `json:"policies,omitempty"`
}

// String reads like "PeerAuthentication shop/payments (spec.mtls.mode), of MeshTLSPolicy payments".
func (o Origin) String() string {
	if o.Kind == "" {
		return cmp.Or(o.Field, "Istio's default")
	}
	words := o.ObjectRef.String()
	if o.Field != "" {
		words += " (" + o.Field + ")"
	}
	if len(o.Policies) > 0 {
		words += ", of " + model.KindPolicy + " " + strings.Join(o.Policies, ", ")
	}
	return words
}

// Inbound are the two connections behind a port: from a client to the proxy, and from the proxy to the application.
type Inbound struct {
	// Port is the pods' own; 0 stands for every port that is not listed.
	Port int32  `json:"port"`
	Name string `json:"name,omitempty"`
	// Services are the Service ports that lead here.
	Services []ServicePort `json:"services,omitempty"`
	// Protocols are what those are declared to carry, in Istio's words. Empty: Istio finds out by looking.
	Protocols []string        `json:"protocols,omitempty"`
	External  ExternalInbound `json:"external"`
	Local     LocalConnection `json:"local"`
}

// ServicePort is a port of a Service.
type ServicePort struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Name      string `json:"name,omitempty"`
	Port      int32  `json:"port"`
}

// Accepts is what is taken at a port.
type Accepts string

// What can be taken: the modes of a PeerAuthentication, and what holds where none does.
const (
	AcceptsStrict     Accepts = "Strict"
	AcceptsPermissive Accepts = "Permissive"
	AcceptsDisable    Accepts = "Disable"
	// AcceptsUncaptured: annotations keep the port from the proxy, so the application takes what comes.
	AcceptsUncaptured Accepts = "Uncaptured"
	// AcceptsNoProxy: there is no proxy, so the application takes what comes.
	AcceptsNoProxy Accepts = "NoProxy"
	// AcceptsServers: a gateway takes what its servers say.
	AcceptsServers Accepts = "Servers"
)

// OfPeerAuthentication reports whether it is a mode of a PeerAuthentication: a proxy that ends connections accepts so.
func (a Accepts) OfPeerAuthentication() bool {
	return a == AcceptsStrict || a == AcceptsPermissive || a == AcceptsDisable
}

// ExternalInbound is the connection from a client to the proxy.
type ExternalInbound struct {
	Accepts   Accepts `json:"accepts"`
	DecidedBy Origin  `json:"decidedBy"`
	Why       string  `json:"why"`
}

// LocalConnection is the connection between a proxy and its application.
type LocalConnection struct {
	// Carries says, in words, what is on it.
	Carries string `json:"carries"`
}

// Ignored is an object that Istio does not use.
type Ignored struct {
	model.ObjectRef
	Policies []string `json:"policies,omitempty"`
	Why      string   `json:"why"`
	// decides says that the object sets TLS, and might have decided.
	decides bool
}

// String reads like "PeerAuthentication shop/payments".
func (i Ignored) String() string {
	return Origin{ObjectRef: i.ObjectRef, Policies: i.Policies}.String()
}

// Listener is a port of a gateway.
type Listener struct {
	Bind string `json:"bind"`
	// Port is the pods' own.
	Port int32 `json:"port"`
	// Services are the Service ports that lead here.
	Services []ServicePort `json:"services,omitempty"`
	Servers  []Server      `json:"servers"`
}

// ServerMode is what a server of a gateway does with TLS.
type ServerMode string

// What servers do.
const (
	// ServerPlaintext: there is no TLS.
	ServerPlaintext ServerMode = "Plaintext"
	// ServerRedirect: there is no TLS, and clients are sent to https.
	ServerRedirect ServerMode = "RedirectToHTTPS"
	// ServerSimple: TLS ends here; clients show no certificate.
	ServerSimple ServerMode = "Simple"
	// ServerMutual: TLS ends here; clients must show a certificate.
	ServerMutual ServerMode = "Mutual"
	// ServerOptionalMutual: TLS ends here; clients may show a certificate.
	ServerOptionalMutual ServerMode = "OptionalMutual"
	// ServerIstioMutual: the mesh's mutual TLS ends here.
	ServerIstioMutual ServerMode = "IstioMutual"
	// ServerPassthrough: TLS is routed by the name that clients ask for, and not ended.
	ServerPassthrough ServerMode = "Passthrough"
	// ServerAutoPassthrough: as Passthrough, to the destination that is in the name.
	ServerAutoPassthrough ServerMode = "AutoPassthrough"
)

// Server is a server of a Gateway that is in force.
type Server struct {
	// DecidedBy is the Gateway, and the server in it.
	DecidedBy Origin `json:"decidedBy"`
	// Port is the Gateway's number for it.
	Port     int32      `json:"port"`
	Protocol string     `json:"protocol"`
	Hosts    []string   `json:"hosts"`
	Mode     ServerMode `json:"mode"`
	// Certificates are where the server's certificates come from: names of Secrets, or paths.
	Certificates []string `json:"certificates,omitempty"`
	// MinProtocolVersion is the lowest TLS version, where the Gateway names one.
	MinProtocolVersion string `json:"minProtocolVersion,omitempty"`
	Why                string `json:"why"`
}

// Dropped is a server that Istio leaves out.
type Dropped struct {
	DecidedBy Origin   `json:"decidedBy"`
	Port      int32    `json:"port"`
	Protocol  string   `json:"protocol"`
	Hosts     []string `json:"hosts"`
	Why       string   `json:"why"`
	// podPort is the pods' own.
	podPort int32
}

// Outbound are the two connections to a destination: from the application to the proxy, and from the proxy on.
type Outbound struct {
	// Host and Port are the destination's.
	Host string `json:"host"`
	Port int32  `json:"port"`
	// Subset is the one that a route sends to.
	Subset string `json:"subset,omitempty"`
	// Route is what sends here what is called by another name; nil: nothing does.
	Route *Route `json:"route,omitempty"`
	// DeclaredBy is the Service or ServiceEntry that declares the destination; nil: none does.
	DeclaredBy *model.ObjectRef `json:"declaredBy,omitempty"`
	// Protocol is what the port is declared to carry, in Istio's words. Empty: Istio finds out by looking.
	Protocol string `json:"protocol,omitempty"`
	// Local is nil for a gateway, which has no application.
	Local    *LocalConnection `json:"local,omitempty"`
	External ExternalOutbound `json:"external"`
	// Endpoints are what is behind the destination; endpoints with the same answer are one. There is always one.
	Endpoints []Endpoint `json:"endpoints"`
}

// Route is where a VirtualService sends on what it is given.
type Route struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Field     string `json:"field"`
	// Host and Port are what the application calls; a gateway has Server instead: what took the connection.
	Host   string  `json:"host,omitempty"`
	Port   int32   `json:"port,omitempty"`
	Server *Origin `json:"server,omitempty"`
}

// ExternalOutbound is what the proxy sends, as far as that is decided for the destination as a whole.
type ExternalOutbound struct {
	// Sends is Auto, Disable, Simple, Mutual or IstioMutual. Auto: it depends on the endpoint. Empty: nothing, the call fails.
	Sends     string `json:"sends"`
	DecidedBy Origin `json:"decidedBy"`
	Why       string `json:"why"`
	// Rules are the DestinationRules that govern, first the one that the others are merged into. They need not say anything of TLS.
	Rules []Rule `json:"rules,omitempty"`
	// Note says what else is to be known of how the rules came to this.
	Note string `json:"note,omitempty"`
	// CredentialName, SNI and SubjectAltNames are those of the DestinationRule, where it sets TLS.
	CredentialName  string   `json:"credentialName,omitempty"`
	SNI             string   `json:"sni,omitempty"`
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`
	// Ignored are the DestinationRules that stand for the host and do not govern this traffic.
	Ignored []Ignored `json:"ignored,omitempty"`
}

// Rule is a DestinationRule.
type Rule struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Policies  []string `json:"policies,omitempty"`
}

// Endpoint are pods behind a destination with the same answer, or a server that is no pod.
type Endpoint struct {
	Outcome mesh.Kind `json:"outcome"`
	Why     string    `json:"why"`
	// ApplicationTLS says, with the outcome Plaintext, that the application is to speak TLS of its own: the proxies add nothing to it.
	ApplicationTLS bool `json:"applicationTLS,omitempty"`
	// Sends is what this endpoint is sent; never Auto, but empty where nothing is. DecidedBy is what decided that.
	Sends     string `json:"sends,omitempty"`
	DecidedBy Origin `json:"decidedBy"`
	// Namespace and Example are those of one of the pods, and Pods their number; empty for a server that is no pod.
	Namespace string `json:"namespace,omitempty"`
	Example   string `json:"example,omitempty"`
	Pods      int    `json:"pods,omitempty"`
	// Port is where the pods listen.
	Port int32 `json:"port,omitempty"`
	// Accepts is what is taken there, and AcceptsDecidedBy what decided; empty for a server that is no pod.
	Accepts          Accepts `json:"accepts,omitempty"`
	AcceptsDecidedBy *Origin `json:"acceptsDecidedBy,omitempty"`
}

// Omitted counts destinations by how connections to them end.
type Omitted struct {
	Outcome      mesh.Kind `json:"outcome"`
	Destinations int       `json:"destinations"`
}
