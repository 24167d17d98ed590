package compile_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	networkingapi "istio.io/api/networking/v1alpha3"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/model"
)

// policiesPerNamespace is the size at which the compile's budget is stated.
const policiesPerNamespace = 50

// BenchmarkCompile compiles all namespaces of meshes of growing size. The time per policy must not grow with the mesh, and the
// budget is 20,000 policies a second on one core.
func BenchmarkCompile(b *testing.B) {
	for _, namespaces := range []int{10, 100, 1000} {
		snapshots := make([]model.Snapshot, namespaces)
		for i := range snapshots {
			snapshots[i] = busyNamespace(fmt.Sprintf("ns-%04d", i), policiesPerNamespace)
		}
		b.Run(fmt.Sprintf("namespaces=%d", namespaces), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, s := range snapshots {
					compile.Compile(s)
				}
			}
			policies := float64(b.N) * float64(namespaces*policiesPerNamespace)
			b.ReportMetric(policies/b.Elapsed().Seconds(), "policies/s")
			b.ReportMetric(b.Elapsed().Seconds()*1e6/policies, "µs/policy")
		})
	}
}

// BenchmarkCompileLargeNamespace compiles one namespace of growing size, to show what grows with the policies of a namespace.
func BenchmarkCompileLargeNamespace(b *testing.B) {
	for _, policies := range []int{50, 500, 2000} {
		snapshot := busyNamespace("shop", policies)
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			for b.Loop() {
				compile.Compile(snapshot)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*policies), "µs/policy")
		})
	}
}

// busyNamespace has one policy a workload: each accepts, with a port by number and one by Service port; every second sends to
// a partner and to a neighbour; every tenth is a gateway. Each workload has a Service and three pods.
func busyNamespace(namespace string, policies int) model.Snapshot {
	s := model.Snapshot{Namespace: namespace}
	s.Mesh = model.Mesh{RootNamespace: "istio-system", AutoMTLS: true}
	partner := &istionetworkingv1.ServiceEntry{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "partner"}}
	partner.Spec.Hosts = []string{"api.partner.example"}
	partner.Spec.Ports = []*networkingapi.ServicePort{{Number: 443, Protocol: "HTTPS"}, {Number: 8443, Protocol: "HTTPS"}}
	s.ServiceEntries = append(s.ServiceEntries, partner)
	for i := range policies {
		app := fmt.Sprintf("app-%04d", i)
		labels := map[string]string{"app": app, "version": "v1"}
		s.Services = append(s.Services, model.Service{
			Namespace: namespace, Name: app, Selector: map[string]string{"app": app},
			Ports: []model.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("http")},
				{Name: "metrics", Port: 9000, TargetPort: intstr.FromInt32(9090)},
			},
		})
		s.Workloads = append(s.Workloads, &model.Workload{
			Namespace: namespace, Example: app + "-1", Count: 3, Labels: labels, Dataplane: model.DataplaneSidecar,
			Ports: []model.ContainerPort{{Name: "http", Number: 8080}, {Name: "metrics", Number: 9090}},
		})
		s.Policies = append(s.Policies, busyPolicy(namespace, app, i))
	}
	return s
}

func busyPolicy(namespace, app string, i int) *meshtlsv1alpha1.MeshTLSPolicy {
	p := &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: app, UID: types.UID(app), Generation: 1,
		CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)),
	}}
	target := &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"app": app}}}
	if i%10 == 9 {
		p.Spec.Gateway = target
		p.Spec.Terminate = []meshtlsv1alpha1.Terminate{{
			GatewayServer: meshtlsv1alpha1.GatewayServer{Port: 443, Hosts: []string{app + ".example.com"}},
			Protocol:      meshtlsv1alpha1.TerminateHTTPS, Mode: meshtlsv1alpha1.TerminateSimple, CredentialName: app,
		}}
		return p
	}
	metrics, number := intstr.FromString("metrics"), int32(8080)
	p.Spec.Workload = target
	scraped := meshtlsv1alpha1.AcceptDisable
	if i == 0 { // all the others send it mutual TLS
		scraped = meshtlsv1alpha1.AcceptPermissive
	}
	p.Spec.Accept = &meshtlsv1alpha1.Accept{Mode: meshtlsv1alpha1.AcceptStrict, Ports: []meshtlsv1alpha1.AcceptPort{
		{Port: &number, Mode: meshtlsv1alpha1.AcceptPermissive}, {ServicePort: &metrics, Mode: scraped},
	}}
	if i%2 == 0 {
		p.Spec.Send = []meshtlsv1alpha1.Send{
			{Hosts: []string{"api.partner.example"}, ClientTLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendSimple, SNI: "api.partner.example"}},
			{Hosts: []string{"app-0000"}, ClientTLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual}},
		}
	}
	return p
}
