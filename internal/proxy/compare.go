package proxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
)

// Subject is what a difference is about.
type Subject string

// The subjects.
const (
	// SubjectInbound: what a sidecar accepts at a port; port 0 stands for all ports without settings of their own.
	SubjectInbound Subject = "Inbound"
	// SubjectOutbound: what the proxy sends to a destination.
	SubjectOutbound Subject = "Outbound"
	// SubjectServed: what a gateway serves at a port for a host.
	SubjectServed Subject = "Served"
	// SubjectCertificate: the certificate of the workload.
	SubjectCertificate Subject = "Certificate"
)

// Difference is something that a proxy runs and that is not what the objects of the mesh come to.
type Difference struct {
	Subject Subject `json:"subject"`
	Port    int32   `json:"port,omitempty"`
	Host    string  `json:"host,omitempty"`
	Subset  string  `json:"subset,omitempty"`
	// Want is what the objects come to, and Runs what the proxy does.
	Want string `json:"want"`
	Runs string `json:"runs"`
	// DecidedBy is the object that decides what is wanted; nil: none does.
	DecidedBy *explain.Origin `json:"decidedBy,omitempty"`
}

// Place is where the difference is, as "inbound 8080" or "to payments.shop.svc.cluster.local:80".
func (d Difference) Place() string {
	switch d.Subject {
	case SubjectInbound:
		if d.Port == 0 {
			return "inbound, other ports"
		}
		return fmt.Sprintf("inbound %d", d.Port)
	case SubjectServed:
		return fmt.Sprintf("served %d %s", d.Port, d.Host)
	case SubjectOutbound:
		place := fmt.Sprintf("to %s:%d", d.Host, d.Port)
		if d.Subset != "" {
			place += " subset " + d.Subset
		}
		return place
	default:
		return "certificate"
	}
}

// Expected is what a proxy is to run.
type Expected struct {
	// Workload is what package explain says of the pod, with all its destinations.
	explain.Workload
	ServiceAccount string
	TrustDomain    string
	Now            metav1.Time
	// GatewayAPI says that a Gateway of the Kubernetes Gateway API has made the pod: it may serve more than package explain knows.
	GatewayAPI bool
}

// Compared is what came of a comparison.
type Compared struct {
	// Count is how many ports, destinations and servers were compared.
	Count       int
	Differences []Difference
}

// Compare compares what a proxy runs with what it is to run. Destinations that the proxy has no cluster for are not compared: a Sidecar
// may keep them from it.
func Compare(facts Facts, want Expected) Compared {
	var c Compared
	if want.Proxy == explain.ProxyGateway {
		c.served(facts, want)
	} else {
		c.inbound(facts, want)
	}
	c.outbound(facts, want)
	c.certificate(facts, want)
	return c
}

// check counts a comparison, and keeps the difference if there is one.
func (c *Compared) check(d Difference) {
	c.Count++
	if d.Want != d.Runs {
		c.Differences = append(c.Differences, d)
	}
}

// inbound compares what ports accept: each port that the mesh declares, and each for which the proxy has a filter chain of its own.
func (c *Compared) inbound(facts Facts, want Expected) {
	if facts.Uncaptured {
		return
	}
	known := map[int32]explain.ExternalInbound{}
	for _, in := range want.Inbound {
		known[in.Port] = in.External
	}
	ports := maps.Clone(known)
	for port := range facts.Inbound {
		if _, is := known[port]; !is {
			ports[port] = known[0]
		}
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		external := ports[port]
		if !external.Accepts.OfPeerAuthentication() {
			continue
		}
		runs, own := facts.Inbound[port]
		if !own {
			runs = facts.Inbound[0]
		}
		if runs == "" {
			runs = AcceptsNothing
		}
		c.check(Difference{
			Subject: SubjectInbound, Port: port, Want: string(external.Accepts), Runs: string(runs), DecidedBy: decided(external.DecidedBy),
		})
	}
}

// decided returns the origin if there is an object.
func decided(by explain.Origin) *explain.Origin {
	if by.Kind == "" {
		return nil
	}
	return &by
}

// outbound compares what is sent to the destinations. One whose cluster has come and waits is sent nothing.
func (c *Compared) outbound(facts Facts, want Expected) {
	seen := map[string]bool{}
	for _, o := range want.Outbound {
		name := clusterOf(o.Port, o.Subset, o.Host)
		sent, there := facts.Outbound[name]
		if !there && !slices.Contains(facts.Warming, name) || seen[name] || o.DeclaredBy == nil || o.External.Sends == "" {
			continue
		}
		seen[name] = true
		d := Difference{
			Subject: SubjectOutbound, Port: o.Port, Host: o.Host, Subset: o.Subset,
			Want: sentWords(wanted(o.External, sent)), Runs: string(AcceptsNothing), DecidedBy: decided(o.External.DecidedBy),
		}
		if there {
			d.Runs = sentWords(sent)
		}
		c.check(d)
	}
}

// wanted returns what is to be sent. Of what the DestinationRule does not say, it is what the proxy does.
func wanted(external explain.ExternalOutbound, runs Sent) Sent {
	want := runs
	want.Mode = meshtlsv1alpha1.SendMode(external.Sends)
	if want.Mode != runs.Mode {
		want = Sent{Mode: want.Mode}
	}
	if external.SNI != "" {
		want.SNI = external.SNI
	}
	if len(external.SubjectAltNames) > 0 {
		want.SubjectAltNames = external.SubjectAltNames
	}
	if name := external.CredentialName; name != "" && !strings.HasSuffix(runs.Certificate, "://"+name) {
		want.Certificate = name
	}
	return want
}

// sentWords returns what is sent in a few words.
func sentWords(s Sent) string {
	words := []string{string(s.Mode)}
	if s.SNI != "" {
		words = append(words, "SNI "+s.SNI)
	}
	if len(s.SubjectAltNames) > 0 {
		words = append(words, "names "+strings.Join(slices.Sorted(slices.Values(s.SubjectAltNames)), ", "))
	}
	if s.Certificate != "" {
		words = append(words, "certificate "+s.Certificate)
	}
	return strings.Join(words, ", ")
}

// served compares what a gateway serves, host by host, and finds what it serves besides.
func (c *Compared) served(facts Facts, want Expected) {
	listening := map[int32]bool{}
	for _, l := range want.Listeners {
		listening[l.Port] = true
		for _, s := range l.Servers {
			for _, host := range s.Hosts {
				c.serves(facts.Served[l.Port], Difference{Subject: SubjectServed, Port: l.Port, Host: nameOf(host), DecidedBy: decided(s.DecidedBy)}, s)
			}
		}
	}
	for _, port := range slices.Sorted(maps.Keys(facts.Served)) {
		for _, s := range facts.Served[port] {
			if !listening[port] && !want.GatewayAPI {
				c.check(Difference{
					Subject: SubjectServed, Port: port, Host: strings.Join(s.Names, ", "), Want: string(AcceptsNothing), Runs: string(s.Mode),
				})
			}
		}
	}
}

// serves compares one host of a server. Servers that need a route to listen may lack a chain: that is for the routes to say.
func (c *Compared) serves(chains []Served, d Difference, s explain.Server) {
	want := s.Mode
	if want == explain.ServerRedirect {
		want = explain.ServerPlaintext // the rest is in the routes
	}
	if want == explain.ServerAutoPassthrough {
		return // one chain for each destination
	}
	runs := explain.ServerMode(AcceptsNothing)
	at := slices.IndexFunc(chains, func(chain Served) bool { return slices.Contains(chain.Names, d.Host) })
	if at < 0 {
		at = slices.IndexFunc(chains, func(chain Served) bool { return len(chain.Names) == 0 })
	}
	switch {
	case at >= 0:
		runs = chains[at].Mode
	case !ownRoutes(s):
		return
	}
	if want == explain.ServerPassthrough && runs == explain.ServerPlaintext {
		runs = want // a chain for every name looks the same
	}
	d.Want, d.Runs = string(want), string(runs)
	c.check(d)
}

// ownRoutes reports whether Istio makes a listener for the server also where no route leads on.
// Source: istio pilot/pkg/networking/core/gateway.go, buildGatewayListeners.
func ownRoutes(s explain.Server) bool {
	return s.Protocol == "HTTPS" && s.Mode != explain.ServerPassthrough || istio.SpeaksHTTP(s.Protocol)
}

// nameOf returns a server's host without the namespaces that it is for.
func nameOf(host string) string { return host[strings.Index(host, "/")+1:] }

// certificate compares whose certificate the proxy has, and whether it is in time.
func (c *Compared) certificate(facts Facts, want Expected) {
	identity := istio.IdentityOf(want.TrustDomain, istio.Account(want.Namespace, want.ServiceAccount))
	d := Difference{Subject: SubjectCertificate, Want: identity, Runs: "none"}
	if facts.Certificate != nil {
		d.Runs = facts.Certificate.Identity
		if !facts.Certificate.NotAfter.IsZero() && facts.Certificate.NotAfter.Before(&want.Now) {
			d.Runs += ", which has expired"
		}
	}
	c.check(d)
}
