package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	istiomodel "istio.io/istio/pilot/pkg/model"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pkg/adsc"
	istiolog "istio.io/istio/pkg/log"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// TestLive applies policies to a real control plane, and asks istiod what it gives the proxies of a client and a server: first
// what it gives without policies, then with them, then after one has changed.
func TestLive(t *testing.T) {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
	m := start(t)
	m.connect(t, "web", "10.1.0.2")
	m.connect(t, "payments", "10.1.0.1")

	m.eventually(t, "without policies the client decides for itself, and the server takes plaintext", func(ctx context.Context) error {
		return errors.Join(m.sends(ctx, "payments.shop.svc.cluster.local", meshtlsv1alpha1.SendAuto), m.takesPlaintext(ctx, true))
	})

	m.create(t, "policies.yaml")
	for _, policy := range []string{"payments", "web"} {
		m.eventually(t, policy+" is Ready", func(ctx context.Context) error { return m.ready(ctx, policy) })
	}
	m.eventually(t, "istiod knows what the operator wrote", m.known)
	m.eventually(t, "the client and the server are told what the policies ask", func(ctx context.Context) error {
		return errors.Join(
			m.sends(ctx, "payments.shop.svc.cluster.local", meshtlsv1alpha1.SendIstioMutual),
			m.sends(ctx, "api.partner.example", meshtlsv1alpha1.SendSimple),
			m.takesPlaintext(ctx, false))
	})

	m.loosen(t)
	m.eventually(t, "the server follows a changed policy", func(ctx context.Context) error {
		return errors.Join(m.ready(ctx, "payments"), m.takesPlaintext(ctx, true))
	})
}

// connect connects to istiod as a pod's sidecar does: istiod keeps configuration only for proxies that are there.
func (m *mesh) connect(t *testing.T, pod, ip string) {
	t.Helper()
	proxy, err := adsc.New(m.discovery, &adsc.ADSConfig{
		Config: adsc.Config{
			Workload: pod, Namespace: "shop", IP: ip, NodeType: istiomodel.SidecarProxy,
			Meta:     istiomodel.NodeMetadata{Namespace: "shop", ClusterID: "Kubernetes", Labels: map[string]string{"app": pod}}.ToStruct(),
			GrpcOpts: []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())},
		},
		InitialDiscoveryRequests: []*discoveryv3.DiscoveryRequest{{TypeUrl: v3.ClusterType}, {TypeUrl: v3.ListenerType}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	if err := proxy.Run(); err != nil {
		t.Fatal(err)
	}
}

// ready says why a policy is not Ready at its present generation.
func (m *mesh) ready(ctx context.Context, name string) error {
	content, err := m.policy(ctx, name)
	if err != nil {
		return err
	}
	var policy meshtlsv1alpha1.MeshTLSPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, &policy); err != nil {
		return err
	}
	condition := apimeta.FindStatusCondition(policy.Status.Conditions, meshtlsv1alpha1.ConditionReady)
	if condition == nil || condition.ObservedGeneration != policy.Generation || condition.Reason != meshtlsv1alpha1.ReasonReady {
		return fmt.Errorf("the condition is %+v", condition)
	}
	return nil
}

// known says which of the objects that the policies contribute to istiod does not know.
func (m *mesh) known(ctx context.Context) error {
	configz, err := m.ask(ctx, "/debug/configz")
	if err != nil {
		return err
	}
	for _, name := range []string{"payments", "web"} {
		policy, err := m.policy(ctx, name)
		if err != nil {
			return err
		}
		objects, _, _ := unstructured.NestedSlice(policy.Object, "status", "objects")
		if len(objects) == 0 {
			return fmt.Errorf("%s lists no objects", name)
		}
		for _, object := range objects {
			if named := fmt.Sprintf("%q", object.(map[string]any)["name"]); !strings.Contains(string(configz), named) {
				return fmt.Errorf("istiod does not know %v", object)
			}
		}
	}
	return nil
}

// sends says how what the client is told to send to port 80 of a host differs from a mode.
func (m *mesh) sends(ctx context.Context, host string, want meshtlsv1alpha1.SendMode) error {
	dump, err := m.dump(ctx, "web")
	if err != nil {
		return err
	}
	name := "outbound|80||" + host
	for _, config := range dump.GetConfigs() {
		var clusters adminv3.ClustersConfigDump
		if config.UnmarshalTo(&clusters) != nil {
			continue
		}
		for _, dynamic := range clusters.GetDynamicActiveClusters() {
			var cluster clusterv3.Cluster
			if err := dynamic.GetCluster().UnmarshalTo(&cluster); err != nil || cluster.GetName() != name {
				continue
			}
			if got := oracle.TLSOf(&cluster).Mode; got != want {
				return fmt.Errorf("%s: got %s, want %s", name, got, want)
			}
			return nil
		}
	}
	return fmt.Errorf("the client has no cluster %s", name)
}

// takesPlaintext reports whether the server's port 8080 has a filter chain for plaintext, if that is not what is wanted.
func (m *mesh) takesPlaintext(ctx context.Context, want bool) error {
	dump, err := m.dump(ctx, "payments")
	if err != nil {
		return err
	}
	seen, got := false, false
	for _, config := range dump.GetConfigs() {
		var listeners adminv3.ListenersConfigDump
		if config.UnmarshalTo(&listeners) != nil {
			continue
		}
		for _, dynamic := range listeners.GetDynamicListeners() {
			var listener listenerv3.Listener
			if err := dynamic.GetActiveState().GetListener().UnmarshalTo(&listener); err != nil || listener.GetName() != istiomodel.VirtualInboundListenerName {
				continue
			}
			for _, chain := range listener.GetFilterChains() {
				if chain.GetFilterChainMatch().GetDestinationPort().GetValue() == 8080 {
					seen, got = true, got || chain.GetTransportSocket() == nil
				}
			}
		}
	}
	if !seen || got != want {
		return fmt.Errorf("port 8080 is known: %t; takes plaintext: %t, want %t", seen, got, want)
	}
	return nil
}

// dump returns what istiod gives a pod's proxy.
func (m *mesh) dump(ctx context.Context, pod string) (*adminv3.ConfigDump, error) {
	body, err := m.ask(ctx, "/debug/config_dump?proxyID="+pod+".shop")
	if err != nil {
		return nil, err
	}
	dump := &adminv3.ConfigDump{}
	return dump, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, dump)
}

// loosen makes the server's policy Permissive, as a user edits it.
func (m *mesh) loosen(t *testing.T) {
	t.Helper()
	policy, err := m.policy(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"accept":{"mode":"Permissive"}}}`))
	if err := m.client.Patch(t.Context(), policy, patch); err != nil {
		t.Fatal(err)
	}
}
