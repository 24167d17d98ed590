package gatewayapi

import (
	"strings"
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	istiogateway "istio.io/istio/pilot/pkg/config/kube/gateway"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/kube/controller"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/kube/krt"
	istiotest "istio.io/istio/pkg/test"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/gateway-api/pkg/consts"
)

// domain ends the names of Services.
const domain = "cluster.local"

// converted returns the Gateways that Istio makes of the objects.
func converted(t *testing.T, objects []runtime.Object) []config.Config {
	t.Helper()
	stop := istiotest.NewStop(t)
	client := kube.NewFakeClient(objects...)
	for _, crd := range []schema.GroupVersionResource{
		gvr.KubernetesGateway, gvr.ReferenceGrant, gvr.ListenerSet, gvr.GatewayClass, gvr.HTTPRoute, gvr.GRPCRoute, gvr.TCPRoute,
		gvr.TLSRoute, gvr.ServiceEntry, gvr.XBackendTrafficPolicy, gvr.BackendTLSPolicy, gvr.InferencePool,
	} {
		clienttest.MakeCRDWithAnnotations(t, client, crd, map[string]string{consts.BundleVersionAnnotation: consts.BundleVersion})
	}
	present := func(schema.GroupVersionResource, <-chan struct{}) bool { return true }
	conversion := istiogateway.NewController(client, present, controller.Options{DomainSuffix: domain, KrtDebugger: &krt.DebugHandler{}}, nil)
	go conversion.Run(stop)
	client.RunAndWait(stop)
	conversion.Reconcile(core.NewConfigGenTest(t, core.TestOptions{}).PushContext())
	kube.WaitForCacheSync("test", stop, conversion.HasSynced)
	return conversion.List(gvk.Gateway, "")
}

// serverOf returns the one server of a Gateway that was converted, without what is not compared: the parameters of TLS.
func serverOf(c config.Config) *networkingapi.Server {
	server := c.Spec.(*networkingapi.Gateway).Servers[0].DeepCopy()
	if server.Tls != nil {
		server.Tls.CipherSuites = nil
	}
	return server
}

// servicesOf returns the Services of the Gateway's namespace that it is for.
func servicesOf(c config.Config) string {
	var names []string
	for _, host := range strings.Split(c.Annotations[istiomodel.InternalGatewayServiceAnnotation], ",") {
		if name, own := strings.CutSuffix(host, "."+c.Namespace+".svc."+domain); own {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
