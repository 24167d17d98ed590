package equivalence

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/sets"

	networkingapi "istio.io/api/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// Differences returns what Istio does differently in two worlds with the same pods and destinations.
func Differences(before, after model.Inventory) []string {
	revisions := sets.New("", "canary")
	for _, pa := range before.PeerAuthentications {
		revisions.Insert(pa.Labels[meshtlsv1alpha1.LabelRevision])
	}
	for _, rule := range before.DestinationRules {
		revisions.Insert(rule.Labels[meshtlsv1alpha1.LabelRevision])
	}
	for _, gateway := range before.Gateways {
		revisions.Insert(gateway.Labels[meshtlsv1alpha1.LabelRevision])
	}
	over := newSpace(before)
	var all []string
	for _, revision := range sets.List(revisions) {
		c := comparison{was: seen(before, revision), is: seen(after, revision)}
		c.accepts(over)
		c.sends(over)
		c.serves(over)
		all = append(all, c.found...)
	}
	return slices.Compact(all)
}

// seen returns what the control plane of the revision makes of the world.
func seen(i model.Inventory, revision string) *istio.Model {
	return istio.New(istio.World{
		Mesh:                i.Mesh,
		PeerAuthentications: read(i.PeerAuthentications, revision),
		DestinationRules:    read(i.DestinationRules, revision),
		Gateways:            read(i.Gateways, revision),
		Services:            i.Services,
	})
}

func read[T metav1.Object](objects []T, revision string) []T {
	return slices.DeleteFunc(slices.Clone(objects), func(o T) bool { return !model.InRevision(o, revision) })
}

type comparison struct {
	was, is *istio.Model
	found   []string
}

func (c *comparison) differ(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *comparison) accepts(over space) {
	for _, w := range over.pods {
		was, is := c.was.Accept(w), c.is.Accept(w)
		for _, port := range append(over.ports, portsOf(was, is)...) {
			if was.Port(port).Mode != is.Port(port).Mode {
				c.differ("pods %v of %s (%s) accept %s at %d before and %s after (%s)", w.Labels, w.Namespace, w.Dataplane,
					was.Port(port).Mode, port, is.Port(port).Mode, is.Port(port).Origin)
			}
		}
	}
}

func portsOf(both ...istio.Acceptance) []int32 {
	var ports []int32
	for _, a := range both {
		for _, p := range a.Ports {
			ports = append(ports, p.Port)
		}
	}
	return ports
}

func (c *comparison) sends(over space) {
	for _, client := range over.clients() {
		for _, host := range over.hosts {
			subsets := []string{""}
			for _, s := range c.was.Rule(client, host.Host).Subsets {
				subsets = append(subsets, s.Name)
			}
			for _, port := range over.portsOf(host) {
				for _, subset := range subsets {
					c.call(client, host, istio.Destination{Host: host.Host, Port: port, Subset: subset, Headless: host.headless})
				}
			}
		}
	}
}

// call compares the verdicts of a client's call, whoever answers.
func (c *comparison) call(client istio.Client, host destination, to istio.Destination) {
	to.Endpoints = host.behind
	for _, protocol := range []string{"", "HTTP", "TLS"} {
		to.Protocol = protocol
		for _, at := range host.servers(to.Port) {
			connection := istio.Connection{Client: client, To: to, Server: at.pod, Port: at.port}
			was, is := c.was.Verdict(connection), c.is.Verdict(connection)
			if was.Kind == is.Kind && was.Sent.Mode == is.Sent.Mode && sameSettings(was.Sent, is.Sent) {
				continue
			}
			c.differ("%v of %s (gateway %t) to %s:%d subset %q: %s %s before (%s), %s %s after (%s)",
				client.Labels, client.Namespace, client.Gateway, to.Host.Name, to.Port, to.Subset,
				was.Kind, was.Sent.Mode, was.Sent.Origin, is.Kind, is.Sent.Mode, is.Sent.Origin)
			return
		}
	}
}

func sameSettings(a, b istio.TLS) bool {
	if a.Mode == meshtlsv1alpha1.SendDisable {
		return true
	}
	return proto.Equal(bare(a.Settings), bare(b.Settings))
}

func bare(tls *networkingapi.ClientTLSSettings) *networkingapi.ClientTLSSettings {
	if tls == nil {
		return &networkingapi.ClientTLSSettings{}
	}
	tls = proto.CloneOf(tls)
	tls.Mode = 0
	if !tls.GetInsecureSkipVerify().GetValue() {
		tls.InsecureSkipVerify = nil
	}
	return tls
}

func (c *comparison) serves(over space) {
	for _, w := range over.gateways {
		was, is := listeners(c.was, w), listeners(c.is, w)
		if !slices.Equal(was, is) {
			c.differ("gateway pods %v of %s serve\n  %s\nbefore and\n  %s\nafter", w.Labels, w.Namespace, strings.Join(was, "\n  "),
				strings.Join(is, "\n  "))
		}
	}
}

// listeners returns what the pods serve, in words and in order.
func listeners(m *istio.Model, w *model.Workload) []string {
	var all []string
	for _, l := range m.Listeners(w).Listeners {
		for _, s := range l.Servers {
			all = append(all, fmt.Sprintf("%s:%d %s", l.Bind, l.Port, serverWords(s)))
		}
	}
	slices.Sort(all)
	return all
}

// serverWords leave out what Istio ignores, and the name of the port.
func serverWords(s istio.Server) string {
	spec := s.Spec()
	hosts := slices.Sorted(slices.Values(s.Hosts))
	words := fmt.Sprintf("%d %s %q name %q", spec.GetPort().GetNumber(), strings.ToUpper(spec.GetPort().GetProtocol()), hosts, spec.GetName())
	tls := spec.GetTls()
	switch {
	case tls == nil:
		return words + " plain"
	case tls.GetHttpsRedirect():
		return words + " redirect"
	case s.PassesThrough():
		return words + " " + tls.GetMode().String()
	}
	words += fmt.Sprintf(" %s %q %q %q %q %q %q %q %q %q %q %q", tls.GetMode(), tls.GetCredentialName(), tls.GetCredentialNames(),
		tls.GetServerCertificate(), tls.GetPrivateKey(), tls.GetCaCertificates(), tls.GetCaCrl(), tls.GetCaCertCredentialName(),
		tls.GetSubjectAltNames(), tls.GetVerifyCertificateSpki(), tls.GetVerifyCertificateHash(), tls.GetTlsCertificates())
	if tls.GetMode() != networkingapi.ServerTLSSettings_ISTIO_MUTUAL {
		words += fmt.Sprintf(" %s %s %q", tls.GetMinProtocolVersion(), tls.GetMaxProtocolVersion(), tls.GetCipherSuites())
	}
	return words + fmt.Sprintf(" %t", tls.GetInsecureSkipVerify().GetValue())
}
