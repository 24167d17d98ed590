package mesh

import (
	"google.golang.org/protobuf/proto"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/destinations"
)

// SameTLS reports whether two clients send the same TLS to every port of the destination. One client under two views, or two clients
// under one, are compared by what Istio makes of their DestinationRules and not by the text of these.
func (v *View) SameTLS(client istio.Client, than *View, other istio.Client, d *destinations.Destination) bool {
	for _, port := range d.Declared {
		if !sameSent(v.sentTo(client, d, port), than.sentTo(other, d, port)) {
			return false
		}
	}
	return true
}

// sentTo is what the client sends to an endpoint of the port; where none is known, as far as it is decided for all alike.
func (v *View) sentTo(client istio.Client, d *destinations.Destination, port destinations.Port) istio.TLS {
	endpoints := v.Endpoints(d, port)
	if len(endpoints) == 0 {
		return v.Sends(client, v.CallOf(d, port))
	}
	server := endpoints[0]
	return v.Verdict(istio.Connection{Client: client, To: v.CallOf(d, port), Server: &server.Workload, Port: server.Port}).Sent
}

// sameSent compares what leaves the client; the settings of a mode that takes none do not matter.
func sameSent(a, b istio.TLS) bool {
	if a.Mode != b.Mode {
		return false
	}
	plain := a.Mode != meshtlsv1alpha1.SendSimple && a.Mode != meshtlsv1alpha1.SendMutual
	return plain || proto.Equal(a.Settings, b.Settings)
}
