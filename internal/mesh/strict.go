package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
)

// WholeWorkload stands for all ports that nothing of their own is said about.
const WholeWorkload = 0

// ProxyPorts are the ports of the proxy itself and its agent, which are never captured: metrics, health, telemetry.
var ProxyPorts = sets.New[int32](15020, 15021, 15090)

// StrictPort is a port of pods that accepts only mutual TLS, and what makes it so.
type StrictPort struct {
	Origin istio.Origin
	Port   int32
}

// StrictPorts are pods by the port of theirs that accepts only mutual TLS.
type StrictPorts map[StrictPort][]*model.Workload

// InOrder returns the ports by object, field and number.
func (s StrictPorts) InOrder() []StrictPort {
	return slices.SortedFunc(maps.Keys(s), func(a, b StrictPort) int {
		return cmp.Or(a.Origin.Object.Compare(b.Origin.Object), strings.Compare(a.Origin.Field, b.Origin.Field), cmp.Compare(a.Port, b.Port))
	})
}

// StrictAt reports whether the pods accept only mutual TLS at the port. The ports of a gateway are its servers'.
func StrictAt(v *View, w *model.Workload, port int32) (StrictPort, bool) {
	accepted := v.AcceptedAt(w, port)
	return StrictPort{Origin: accepted.Origin, Port: port}, !w.Gateway && accepted.Mode == meshtlsv1alpha1.AcceptStrict
}

// DeclaresPort reports whether a container of the pods declares the port.
func DeclaresPort(w *model.Workload, port int32) bool {
	return slices.ContainsFunc(w.Ports, func(p model.ContainerPort) bool { return p.Number == port })
}

// ServedPorts returns the ports that the pods are known to listen at, ascending.
func ServedPorts(v *View, w *model.Workload) []int32 {
	var ports []int32
	for _, p := range w.Ports {
		ports = append(ports, p.Number)
	}
	for _, p := range v.ServicePorts(w) {
		ports = append(ports, p.Target)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// ForOutsiders reports whether callers that cannot have a proxy are meant to use the port: the API server, or Prometheus.
func ForOutsiders(v *View, w *model.Workload, port int32) bool {
	return w.Scraped == port || slices.ContainsFunc(v.ServicePorts(w), func(p ServicePort) bool {
		return p.Target == port && slices.ContainsFunc(v.Webhooks(), func(h model.Webhook) bool {
			return h.Service.Namespace == w.Namespace && h.Service.Name == p.Service.Name && h.Port == p.Port
		})
	})
}

// RefusedWebhook is a webhook with the pods behind it that refuse the API server, which has no certificate of the mesh.
type RefusedWebhook struct {
	model.Webhook
	Strict StrictPorts
	// All says that no pod behind it takes the call.
	All bool
}

// RefusedWebhooks returns the webhooks that lead to ports that accept only mutual TLS.
func RefusedWebhooks(v *View) []RefusedWebhook {
	var refused []RefusedWebhook
	for _, w := range v.Webhooks() {
		if r := refusedAt(v, w); len(r.Strict) > 0 {
			refused = append(refused, r)
		}
	}
	return refused
}

func refusedAt(v *View, w model.Webhook) RefusedWebhook {
	refused := RefusedWebhook{Webhook: w, Strict: StrictPorts{}, All: true}
	for _, d := range v.Destinations().Of(v.Domain().OfService(w.Service.Namespace, w.Service.Name)) {
		port, has := d.Port(w.Port)
		if d.Service == nil || !has {
			continue
		}
		for _, e := range v.Endpoints(d, port) {
			at, strict := StrictAt(v, e.Workload, e.Port)
			if strict && e.Captures(e.Port) {
				refused.Strict[at] = append(refused.Strict[at], e.Workload)
			} else {
				refused.All = false
			}
		}
	}
	return refused
}
