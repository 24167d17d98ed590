package policies

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/verbatim"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/worlds"
)

// bank is the other namespace with applications that the generator of worlds knows.
const bank = "bank"

// randomPods are the pods of all random worlds. They stand in place of those that are drawn, and have their labels and ports.
var randomPods = []mesh.Pod{
	randomPod(shop, "a", "v1", 8080), randomPod(shop, "a", "v2", 8081), randomPod(shop, "b", "v1", 8081),
	withoutProxy(randomPod(shop, "c", "v1", 8080)),
	randomPod(bank, "a", "v1", 8080), randomPod(bank, "b", "v1", 8080),
	{Namespace: shop, Name: "edge", Labels: map[string]string{"istio": "ingressgateway"}, ServiceAccount: "edge", Proxy: mesh.Gateway},
	{Namespace: outside, Name: "partner", Proxy: mesh.None, Ports: []mesh.Port{{Number: 80}, {Number: 443}, {Number: 8080}, {Number: 8443}}},
}

// randomPod is a version of an application, as the generator draws it. It serves the ports of its Services, too: who looks up the address
// of a pod behind a headless one connects to those.
func randomPod(namespace, app, version string, http int32) mesh.Pod {
	return mesh.Pod{
		Namespace: namespace, Name: app + "-" + version, Labels: map[string]string{"app": app, "version": version}, ServiceAccount: app,
		Ports: []mesh.Port{{Number: http, Name: "http"}, {Number: 9090, Name: "metrics"}, {Number: 80}, {Number: 9000}},
	}
}

func withoutProxy(pod mesh.Pod) mesh.Pod {
	pod.Proxy = mesh.None
	return pod
}

// The reasons for which the mesh cannot carry what is drawn.
const (
	outPods      = "pods: they are the same in all worlds"
	outConfig    = "mesh config: the mesh has its own"
	outDNS       = "ExternalNames: there is no DNS"
	outAddresses = "endpoints and machines at addresses that are drawn: nobody is there"
	outIngress   = "Ingresses: nobody is their class"
	outHistory   = "a history: the world is what it is"
	outBinds     = "addresses of gateways' servers that are drawn: the gateway does not have them"
	outUnlisted  = "ServiceEntries that put servers into the mesh and list none: nobody says which is meant"
	outPins      = "pins of client certificates: nobody has the key"
	outSANs      = "names that servers are to have: whether a server's certificate has them, explain does not know"
	outNames     = "authorities in Secrets that Istio takes for certificates, by their names"
	outRSA       = "RSA certificates and ciphers: the authority issues ECDSA"
	outRefused   = "objects that the API server or Istio's webhook refuses"
)

// carrying is what the mesh carries of a drawn world.
type carrying struct {
	objects []client.Object
	// leftOut counts what it does not carry, by reason.
	leftOut map[string]int
	// partner is the address of the one server outside the mesh, and addresses are those at which sidecars know its names.
	partner   netip.Addr
	addresses map[string]string
}

// drawn returns what the mesh carries of the world of a seed. In every second world others have written Istio objects, too.
func drawn(seed uint64, partner netip.Addr) carrying {
	wide := worlds.Wide(seed)
	c := carrying{leftOut: map[string]int{}, partner: partner, addresses: map[string]string{}}
	if wide.Before != nil {
		c.leftOut[outHistory]++
	}
	objects := wide.Cluster
	for _, p := range wide.Policies {
		objects = append(objects, p)
	}
	if seed%2 == 1 {
		objects = append(objects, worlds.Foreign(seed, time.Now())...)
	}
	slices.SortStableFunc(objects, func(a, b client.Object) int {
		return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
	})
	for _, o := range objects {
		c.take(o)
	}
	return c
}

// take takes an object, or counts why the mesh does not carry it.
func (c *carrying) take(o client.Object) {
	switch o := o.(type) {
	case *corev1.Namespace: // its labels matter to the mesh config alone
	case *corev1.Pod:
		c.leftOut[outPods]++
	case *corev1.ConfigMap:
		c.leftOut[outConfig]++
	case *networkingv1.Ingress:
		c.leftOut[outIngress]++
	case *discoveryv1.EndpointSlice, *istionetworkingv1.WorkloadEntry:
		c.leftOut[outAddresses]++
	case *corev1.Service:
		c.takeService(o)
	case *istionetworkingv1.ServiceEntry:
		c.takeEntry(o)
	case *meshtlsv1alpha1.MeshTLSPolicy:
		c.takePolicy(o)
	default:
		c.objects = append(c.objects, o)
	}
}

func (c *carrying) takeService(s *corev1.Service) {
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		c.leftOut[outDNS]++
	case len(s.Spec.Selector) == 0:
		c.leftOut[outAddresses]++
	default:
		c.objects = append(c.objects, s)
	}
}

func (c *carrying) takeEntry(e *istionetworkingv1.ServiceEntry) {
	if e.Spec.Location == networkingapi.ServiceEntry_MESH_INTERNAL && e.Spec.Resolution == networkingapi.ServiceEntry_NONE {
		c.leftOut[outUnlisted]++
		return
	}
	c.objects = append(c.objects, c.reachable(e))
}

// reachable returns the ServiceEntry with servers that are there: the one outside the mesh. Where DNS would find them, they are listed;
// and sidecars know the host by an address of its own.
func (c *carrying) reachable(e *istionetworkingv1.ServiceEntry) *istionetworkingv1.ServiceEntry {
	e = e.DeepCopy()
	if e.Spec.Resolution != networkingapi.ServiceEntry_NONE && e.Spec.WorkloadSelector == nil {
		e.Spec.Resolution = networkingapi.ServiceEntry_STATIC
		if len(e.Spec.Endpoints) == 0 {
			e.Spec.Endpoints = []*networkingapi.WorkloadEntry{{}}
		}
		for _, endpoint := range e.Spec.Endpoints {
			endpoint.Address, endpoint.ServiceAccount = c.partner.String(), "" // its identity is none that a pod shows
		}
	}
	if e.Spec.Resolution != networkingapi.ServiceEntry_NONE {
		e.Spec.Addresses = []string{c.address(e.Spec.Hosts[0])}
	}
	return e
}

// address returns the address at which sidecars know a host.
func (c *carrying) address(host string) string {
	if c.addresses[host] == "" {
		c.addresses[host] = fmt.Sprintf("240.0.1.%d", len(c.addresses)+1)
	}
	return c.addresses[host]
}

// bring writes the world, in the order of its age. What nobody admits, is counted.
func (c *carrying) bring(ctx context.Context, to client.Client) error {
	for _, o := range c.objects {
		o.SetResourceVersion("")
		err := to.Create(ctx, verbatim.Of(o))
		switch {
		case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || err != nil && strings.Contains(err.Error(), "admission webhook"):
			c.leftOut[outRefused]++
		case err != nil:
			return fmt.Errorf("creating %T %s: %w", o, client.ObjectKeyFromObject(o), err)
		}
	}
	return nil
}
