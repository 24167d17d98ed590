package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// apiServer has a Prometheus in the Istio namespace and a pod with a sidecar, and forwards connections as the real one does by way of
// the kubelet.
type apiServer struct {
	t *testing.T
	// prometheus is where connections are forwarded to.
	prometheus string
	ready      corev1.ConditionStatus
	// page is what the pod's proxy shows.
	page string
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/api/v1/namespaces/istio-system/services/prometheus":
		s.answer(w, corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Name: "prometheus", Namespace: "istio-system"},
			Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "prometheus"}, Ports: []corev1.ServicePort{
				{Name: "metrics", Port: 80, TargetPort: intstr.FromString("absent")}, {Name: "http", Port: 9090, TargetPort: intstr.FromString("web")}}}})
	case path == "/api/v1/namespaces/istio-system/pods" && r.FormValue("labelSelector") == "app=prometheus":
		s.answer(w, corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{s.pod()}})
	case path == "/api/v1/namespaces/istio-system/pods/prometheus-0/portforward" && r.Header.Get("Upgrade") != "websocket":
		s.forward(w, r)
	case path == "/api/v1/namespaces/shop/pods/catalog-1:15090/proxy/stats/prometheus" && r.FormValue("filter") != "":
		_, _ = fmt.Fprint(w, s.page)
	case path == "/api/v1/pods":
		catalog := s.pod()
		catalog.Namespace, catalog.Name, catalog.Spec.Containers[0].Name = "shop", "catalog-1", "app"
		catalog.Spec.Containers = append(catalog.Spec.Containers, corev1.Container{Name: "istio-proxy"})
		s.answer(w, corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{catalog}})
	case path == "/api" || path == "/apis" || path == "/api/v1":
		s.answer(w, discovery[path])
	default:
		http.NotFound(w, r)
	}
}

// discovery says that there are pods, and nothing else.
var discovery = map[string]any{
	"/api":  metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}},
	"/apis": metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}},
	"/api/v1": metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "v1", APIResources: []metav1.APIResource{
		{Name: "pods", Namespaced: true, Kind: "Pod", Verbs: []string{"list"}}}},
}

func (s *apiServer) pod() corev1.Pod {
	return corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "prometheus-0", Namespace: "istio-system"},
		Spec:   corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 9090}}}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: s.ready}}},
	}
}

func (s *apiServer) answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		s.t.Error(err)
	}
}

// forward takes a pair of streams for each connection, and joins the second with Prometheus.
func (s *apiServer) forward(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		s.t.Error(err)
		return
	}
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, replied <-chan struct{}) error {
		if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
			go func() {
				<-replied
				_ = stream.Close()
			}()
			return nil
		}
		if got := stream.Headers().Get(corev1.PortHeader); got != "9090" {
			return fmt.Errorf("got a connection to port %s, want 9090", got)
		}
		backend, err := net.Dial("tcp", s.prometheus)
		if err != nil {
			return err
		}
		go func() {
			<-replied
			go func() {
				_, _ = io.Copy(backend, stream)
				_ = backend.Close()
			}()
			_, _ = io.Copy(stream, backend)
			_ = stream.Close()
		}()
		return nil
	})
	if connection != nil {
		<-connection.CloseChan()
	}
}

// kubeconfig is for the server.
func (s *apiServer) kubeconfig() string {
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], "+
		"clusters: [{name: a, cluster: {server: %q}}], users: [{name: a, user: {}}]}", server.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// TestPortForward asks a Prometheus that only the API server reaches.
func TestPortForward(t *testing.T) {
	t.Parallel()
	asked := 0
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}))
	t.Cleanup(prometheus.Close)
	tests := map[string]struct {
		flag  string
		ready corev1.ConditionStatus
		want  string
	}{
		"Istio's sample":          {"--port-forward", corev1.ConditionTrue, "From "},
		"by the port's name":      {"--port-forward=istio-system/prometheus:http", corev1.ConditionTrue, "From "},
		"a port that is not":      {"--port-forward=prometheus:91", corev1.ConditionTrue, "has no port 91"},
		"a Service that is not":   {"--port-forward=monitoring/prometheus", corev1.ConditionTrue, "finding Prometheus"},
		"a Service without a pod": {"--port-forward", corev1.ConditionFalse, "has no ready pod"},
		"no Service":              {"--port-forward=a/b/c", corev1.ConditionTrue, "names no Service"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := asked
			server := &apiServer{t: t, prometheus: strings.TrimPrefix(prometheus.URL, "http://"), ready: tc.ready}
			stdout, stderr, _ := call(t, "", "edges", "-A", "--kubeconfig", server.kubeconfig(), tc.flag)
			if !strings.Contains(stdout+stderr, tc.want) {
				t.Errorf("got\n%s%s\nwant %q", stdout, stderr, tc.want)
			}
			if through := asked > before; through != (tc.want == "From ") {
				t.Errorf("Prometheus was asked: %t", through)
			}
		})
	}
}

// TestThroughTheAPIServer reads a proxy's own page, where there is no Prometheus.
func TestThroughTheAPIServer(t *testing.T) {
	t.Parallel()
	server := &apiServer{t: t, ready: corev1.ConditionTrue, page: `istio_build{component="proxy"} 1
istio_requests_total{reporter="destination",source_workload="crawler",source_workload_namespace="legacy",destination_workload="catalog-1",destination_workload_namespace="shop",request_protocol="http",connection_security_policy="none"} 7
`}
	stdout, stderr, code := call(t, "", "evidence", "pod/catalog-1", "-n", "shop", "--kubeconfig", server.kubeconfig())
	if code != exitFindings || !strings.Contains(stdout, "legacy/crawler") || !strings.Contains(stdout, "before") {
		t.Errorf("got exit code %d and\n%s%s\nwant the seven calls of crawler, from before", code, stdout, stderr)
	}
	stdout, stderr, code = call(t, "", "edges", "-n", "shop", "--kubeconfig", server.kubeconfig())
	if code != exitFindings || !strings.Contains(stdout, "0 of 7") {
		t.Errorf("got exit code %d and\n%s%s\nwant the seven calls of crawler", code, stdout, stderr)
	}
}
