package proxy

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/explain"
)

// Facts are what a proxy runs.
type Facts struct {
	// Namespace and Pod are the proxy's, as it says itself.
	Namespace, Pod string
	// ServiceAccount is the one that it gets its certificate for.
	ServiceAccount string
	// IstioVersion is that of its agent.
	IstioVersion string
	// Uncaptured says that connections are not led to it (interception mode NONE).
	Uncaptured bool
	// Inbound is what it accepts: at 0 stands what holds for ports that have nothing of their own.
	Inbound map[int32]explain.Accepts
	// Outbound is what it sends, by the name of the cluster.
	Outbound map[string]Sent
	// Served is what a gateway serves at each port, in the order of the dump.
	Served map[int32][]Served
	// Certificate is the workload's own; nil: there is none.
	Certificate *Certificate
	// Changed is when the last of its listeners and clusters came.
	Changed metav1.Time
	// Refused are the updates that it refused and that nothing newer has replaced.
	Refused []string
	// Warming are the names of listeners and clusters that have come and wait for something, Missing the secrets that they may wait for.
	Warming, Missing []string
}

// Certificate is what the workload's certificate says.
type Certificate struct {
	// Identity is the SPIFFE ID.
	Identity string      `json:"identity"`
	Issuer   string      `json:"issuer"`
	NotAfter metav1.Time `json:"notAfter"`
}

// Read returns the facts of a dump, which is the answer of Envoy's /config_dump.
func Read(content []byte) (Facts, error) {
	all, err := decode(content)
	if err != nil {
		return Facts{}, err
	}
	node := all.Bootstrap.Node.Metadata
	facts := Facts{
		Namespace: node.Namespace, Pod: node.Name, ServiceAccount: node.ServiceAccount, IstioVersion: node.IstioVersion,
		Uncaptured: node.InterceptionMode == "NONE",
		Inbound:    map[int32]explain.Accepts{}, Outbound: map[string]Sent{}, Served: map[int32][]Served{},
	}
	facts.readListeners(all.DynamicListeners, strings.HasPrefix(all.Bootstrap.Node.ID, "router~"))
	facts.readClusters(all)
	if err := facts.readSecrets(all); err != nil {
		return Facts{}, err
	}
	return facts, nil
}

// String returns the pod of the proxy.
func (f *Facts) String() string { return f.Namespace + "/" + f.Pod }

// refuse notes an update that the proxy refused. Envoy tells some twice: once with the name.
func (f *Facts) refuse(what, name string, refused *failure) {
	if refused != nil && name != "" {
		f.Refused = append(f.Refused, fmt.Sprintf("%s %s: %s", what, name, strings.TrimRight(strings.TrimSpace(refused.Details), ".")))
	}
}

// came notes when something came.
func (f *Facts) came(at metav1.Time) {
	if f.Changed.Before(&at) {
		f.Changed = at
	}
}

// readListeners reads what the proxy accepts or, of a gateway, serves.
func (f *Facts) readListeners(listeners []dynamicListener, gateway bool) {
	inbound := map[int32][]filterChain{}
	for _, l := range listeners {
		f.refuse("listener", l.Name, l.Error)
		if l.Warming != nil {
			f.Warming = append(f.Warming, l.Name)
		}
		if l.Active == nil {
			continue
		}
		f.came(l.Active.Updated)
		switch port := l.Active.Listener.Address.Socket.Port; {
		case gateway:
			f.Served[port] = append(f.Served[port], servedBy(l.Active.Listener)...)
		case l.Active.Listener.Direction == "INBOUND":
			for _, chain := range l.Active.Listener.allChains() {
				at := chain.Match.Port
				if l.Name != virtualInbound && at == 0 {
					at = port // a listener of its own, which an EnvoyFilter or a Sidecar has made
				}
				inbound[at] = append(inbound[at], chain)
			}
		}
	}
	delete(inbound, portVirtualInbound) // a connection to the port itself ends there
	for _, port := range slices.Sorted(maps.Keys(inbound)) {
		f.Inbound[port] = acceptedBy(inbound[port])
	}
}

// allChains returns the filter chains, with the one that holds where none matches.
func (l listener) allChains() []filterChain {
	if l.Default == nil {
		return l.Chains
	}
	return append(slices.Clone(l.Chains), *l.Default)
}

// readSecrets reads the workload's certificate, and which secrets have not come.
func (f *Facts) readSecrets(all section) error {
	for _, s := range all.WarmingSecrets {
		f.Missing = append(f.Missing, s.Name)
	}
	slices.Sort(f.Missing)
	for _, s := range all.ActiveSecrets {
		if s.Name != workloadSecret || s.Secret.Certificate == nil {
			continue
		}
		block, _ := pem.Decode(s.Secret.Certificate.Chain.Inline)
		if block == nil {
			return fmt.Errorf("the secret %s of %s holds no certificate: %w", s.Name, f, ErrNoDump)
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("reading the certificate of %s: %w", f, err)
		}
		f.Certificate = &Certificate{Issuer: issuerOf(leaf), NotAfter: metav1.NewTime(leaf.NotAfter)}
		for _, uri := range leaf.URIs {
			f.Certificate.Identity = uri.String()
		}
	}
	return nil
}

// issuerOf returns the issuer's name as certificates write it.
func issuerOf(leaf *x509.Certificate) string { return leaf.Issuer.String() }

// workloadSecret is the name by which a proxy asks its agent for the workload's certificate.
// Source: istio pkg/security/security.go, WorkloadKeyCertResourceName.
const workloadSecret = "default"
