package service

import (
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "https-port-declared-http",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M30"},
			Finds: "port 443 of a ServiceEntry outside the mesh, or a Service port with a target of that number or named `https`, " +
				"that is declared HTTP, where no DestinationRule has clients use TLS.",
			Why: "What applications send as HTTP arrives at the HTTPS server as plaintext. If they speak TLS themselves, their " +
				"sidecars take it for broken HTTP.",
			Fix: "Declare the port `HTTPS`, or add a DestinationRule with `SIMPLE`.",
		},
		Find: httpsPortDeclaredHTTP,
	})
}

// httpsPortDeclaredHTTP tells of ports of ServiceEntries and Services that are declared HTTP and lead to where HTTPS is spoken, where no
// rule has clients use TLS.
// Source: istio pilot/pkg/networking/core/listener.go, buildSidecarOutboundListener: what comes in at such a port is read as HTTP.
func httpsPortDeclaredHTTP(v *mesh.View) []model.Finding {
	if v.Partial() {
		return nil
	}
	var findings []model.Finding
	for _, d := range v.Destinations().All() {
		for i, port := range d.Declared {
			if !istio.SpeaksHTTP(port.Protocol) || !leadsToHTTPS(v, d, port) || originatesTLS(v, d, port) {
				continue
			}
			f := model.Finding{Severity: lint.Warning, Subject: d.Ref(), Field: fmt.Sprintf("spec.ports[%d]", i)}
			f.Message = fmt.Sprintf("Port %d is declared %s and leads to a port for HTTPS, and no DestinationRule has clients use TLS: what "+
				"applications send as HTTP arrives there as plaintext, and their own TLS is taken for broken HTTP.", port.Number, port.Protocol)
			f.Remedy = "Declare the port HTTPS if applications speak TLS themselves, or add a DestinationRule with mode SIMPLE."
			findings = append(findings, f)
		}
	}
	return findings
}

// httpsPort is where a server speaks HTTPS, whatever the port is declared to carry.
const httpsPort = 443

// leadsToHTTPS reports whether an HTTPS server is behind the port: of a host outside the mesh by its number, of a Service by what its
// target is called. The ports of a gateway are for its own servers.
func leadsToHTTPS(v *mesh.View, d *destinations.Destination, port destinations.Port) bool {
	if d.Entry != nil {
		target := port.Entry.GetTargetPort()
		return d.External && port.Number == httpsPort && (target == 0 || target == httpsPort)
	}
	isGateway := func(w *model.Workload) bool { return w.Gateway }
	if len(v.Clients().All) == 0 || slices.ContainsFunc(v.Behind(d), isGateway) {
		return false
	}
	target := port.Service.TargetPort
	return target.IntVal == httpsPort || target.StrVal == "https" || strings.HasPrefix(target.StrVal, "https-")
}

// originatesTLS reports whether some client's proxy puts TLS around what it sends there.
func originatesTLS(v *mesh.View, d *destinations.Destination, port destinations.Port) bool {
	originates := func(client istio.Client) bool {
		mode := v.Sends(client, v.CallOf(d, port)).Mode
		return mode == meshtlsv1alpha1.SendSimple || mode == meshtlsv1alpha1.SendMutual
	}
	own := istio.Client{Namespace: d.Namespace, Dataplane: model.DataplaneSidecar}
	return originates(mesh.ClientWithoutRules) || originates(own) ||
		slices.ContainsFunc(v.Clients().All, func(w *model.Workload) bool { return originates(istio.ClientOf(w)) })
}
