package worlds

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

func (d *Drawn) configure(line string) {
	every[*corev1.ConfigMap](d)[0].Data["mesh"] += line + "\n"
}

func withRegistryOnly(_ generator, d *Drawn) {
	d.configure("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")
}

func withPrivateRules(_ generator, d *Drawn) {
	d.configure("defaultDestinationRuleExportTo: [\".\"]")
}

func withPrivateRoutes(_ generator, d *Drawn) {
	d.configure("defaultVirtualServiceExportTo: [\".\"]")
}

// withProtocols has Services say by their ports' names what they carry: HTTP, TLS, bytes, or nothing.
func withProtocols(g generator, d *Drawn) {
	for _, s := range every[*corev1.Service](d) {
		for i := range s.Spec.Ports {
			if g.chance(3) {
				s.Spec.Ports[i].Name = one(g, []string{"https", "tcp-data", "grpc", "mongo", "data"}) + "-" + s.Spec.Ports[i].Name
			}
		}
	}
}

// withHistory has the mesh come to what it is: policies that are gone or new, that were something else, or that were deleted and made
// again, and a Service that came late.
func withHistory(g generator, d *Drawn) {
	before := slices.Clone(d.Policies)
	for i := range before {
		before[i] = before[i].DeepCopy()
	}
	for _, p := range before {
		switch other := one(g, before); g.IntN(5) {
		case 0:
			p.Spec, other.Spec = other.Spec, p.Spec
		case 1:
			p.UID += "-before"
		case 2:
			p.Name += "-gone"
		}
	}
	d.Before = &Past{Policies: before, Cluster: slices.DeleteFunc(slices.Clone(d.Cluster), func(o client.Object) bool {
		_, is := o.(*corev1.Service)
		return is && g.chance(4)
	})}
}

// Past is what a world was.
type Past struct {
	Cluster  []client.Object
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
}
