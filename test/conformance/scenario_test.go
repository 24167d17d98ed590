package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"istio.io/istio/pilot/pkg/simulation"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/test/conformance/oracle"
)

// scenario is a file of testdata: a world with policies, and in its first document what Istio makes of it.
type scenario struct {
	world oracle.World
	// Before is what Istio does while the operator has not run, where that is worth saying; After, when it has.
	Before *facts `json:"before,omitempty"`
	After  facts  `json:"after"`
}

// facts are what Istio does. Whatever a fact leaves out is not looked at.
type facts struct {
	// Ready is the reason of each policy's Ready condition.
	Ready map[string]string `json:"ready,omitempty"`
	// Accepts is the mode of the ports of pods.
	Accepts map[string]map[int32]meshtlsv1alpha1.AcceptMode `json:"accepts,omitempty"`
	Sends   []sendFact                                      `json:"sends,omitempty"`
	// Serves is what gateways serve, Calls what becomes of calls.
	Serves []serveFact `json:"serves,omitempty"`
	Calls  []callFact  `json:"calls,omitempty"`
}

// sendFact is what a pod's proxy sends to host:port, and what becomes of it: by endpoint "<what is sent> taken" or "… refused".
type sendFact struct {
	From        string `json:"from"`
	AsGateway   bool   `json:"asGateway,omitempty"`
	To          string `json:"to"`
	oracle.Sent `json:",inline"`
	Endpoints   map[string]string `json:"endpoints,omitempty"`
}

// serveFact is what a gateway does for one server name, or without TLS one HTTP host, on a port. With Nothing it serves neither.
type serveFact struct {
	Gateway             string         `json:"gateway"`
	Port                int32          `json:"port"`
	Name                string         `json:"name"`
	Nothing             bool           `json:"nothing,omitempty"`
	TLS                 oracle.TLSKind `json:"tls,omitempty"`
	oracle.Certificates `json:",inline"`
	MinVersion          string `json:"minVersion,omitempty"`
	MaxVersion          string `json:"maxVersion,omitempty"`
	Ciphers             string `json:"ciphers,omitempty"`
	Redirects           *bool  `json:"redirects,omitempty"`
	HTTP                *bool  `json:"http,omitempty"`
}

// callFact is a call and its fate: the cluster that it is routed to, or the error that it meets.
type callFact struct {
	// At is the pod whose proxy gets the call: from outside (Mode inbound), from its application (outbound), or as a gateway.
	At       string              `json:"at"`
	Mode     simulation.CallMode `json:"mode"`
	Address  string              `json:"address,omitempty"`
	Port     int                 `json:"port"`
	Protocol simulation.Protocol `json:"protocol,omitempty"`
	TLS      simulation.TLSMode  `json:"tls,omitempty"`
	SNI      string              `json:"sni,omitempty"`
	Host     string              `json:"host,omitempty"`
	ALPN     string              `json:"alpn,omitempty"`
	Cluster  string              `json:"cluster,omitempty"`
	Error    string              `json:"error,omitempty"`
}

const (
	// annotationOnly, with the value onlyBefore, marks what somebody does by hand as long as there is no operator.
	annotationOnly, onlyBefore = "conformance.meshtls.dev/only", "before"
	// gatewayPlaceholder stands, in a VirtualService, for the name of the Gateway that the operator renders in a namespace.
	gatewayPlaceholder = "GATEWAY"
)

// TestScenarios asks Istio about each testdata/<area>/<sentence>.yaml.
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("there are no scenarios in testdata")
	}
	oracle.Record(t, "scenarios", "%d scenarios", len(paths))
	for _, path := range paths {
		area, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(area+"/"+name, func(t *testing.T) {
			readScenario(t, path).run(t)
		})
	}
}

func readScenario(t *testing.T, path string) scenario {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := bytes.Cut(content, []byte("\n---\n"))
	if !found {
		t.Fatalf("%s has no world", path)
	}
	var s scenario
	if err := yaml.UnmarshalStrict(head, &s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if s.world, err = oracle.Parse(rest); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

func (s scenario) run(t *testing.T) {
	if s.Before != nil {
		t.Run("before", func(t *testing.T) { s.Before.hold(t, s.world) })
	}
	t.Run("after", func(t *testing.T) {
		world := s.world.Without(func(o *unstructured.Unstructured) bool { return o.GetAnnotations()[annotationOnly] == onlyBefore })
		operated := operateScenario(t, boundToGateways(t, world, operateScenario(t, world).Rendered))
		for policy, want := range s.After.Ready {
			if got := readyOf(t, operated, policy); got != want {
				t.Errorf("Ready of %s: got %s, want %s", policy, got, want)
			}
		}
		s.After.hold(t, operated.World)
		if t.Failed() {
			rendered, _ := operated.Rendered.YAML()
			t.Logf("rendered:\n%s", rendered)
		}
	})
}

func operateScenario(t *testing.T, world oracle.World) oracle.Operated {
	t.Helper()
	operated, err := oracle.Operate(t.Context(), world, oracle.AllAtOnce)
	if err != nil {
		t.Fatal(err)
	}
	return operated
}

// boundToGateways gives the VirtualServices of a world the names of the rendered Gateways.
func boundToGateways(t *testing.T, world, rendered oracle.World) oracle.World {
	t.Helper()
	stream, err := world.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range rendered {
		if object.GetKind() == model.KindGateway {
			prefix := object.GetNamespace() + "/"
			stream = bytes.ReplaceAll(stream, []byte(prefix+gatewayPlaceholder), []byte(prefix+object.GetName()))
		}
	}
	bound, err := oracle.Parse(stream)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func readyOf(t *testing.T, operated oracle.Operated, policy string) string {
	t.Helper()
	status, found := operated.Status(named(t, policy))
	if !found {
		t.Fatalf("there is no policy %s", policy)
	}
	return apimeta.FindStatusCondition(status.Conditions, meshtlsv1alpha1.ConditionReady).Reason
}

func named(t *testing.T, text string) types.NamespacedName {
	t.Helper()
	namespace, name, found := strings.Cut(text, "/")
	if !found {
		t.Fatalf("%q is no namespace/name", text)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// hold asks Istio, with the world loaded, for each fact.
func (f facts) hold(t *testing.T, world oracle.World) {
	mesh := oracle.NewMesh(t, world, "")
	for pod, ports := range f.Accepts {
		for port, want := range ports {
			got, err := mesh.Sidecar(named(t, pod)).Accepts(port)
			if err != nil || got != want {
				t.Errorf("%s accepts on port %d: got %s (%v), want %s", pod, port, got, err, want)
			}
		}
	}
	for _, fact := range f.Sends {
		fact.holds(t, mesh)
	}
	for _, fact := range f.Serves {
		fact.holds(t, mesh)
	}
	for _, fact := range f.Calls {
		fact.holds(t, mesh)
	}
}

func (f sendFact) holds(t *testing.T, mesh *oracle.Mesh) {
	proxy := mesh.Sidecar(named(t, f.From))
	if f.AsGateway {
		proxy = mesh.Gateway(named(t, f.From))
	}
	host, digits, _ := strings.Cut(f.To, ":")
	port, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("%q is no host:port", f.To)
	}
	got := proxy.Sends(host, int32(port))
	if diff := cmp.Diff(stated(t, f.Sent), restricted(t, got, f.Sent)); diff != "" {
		t.Errorf("%s sends to %s (-want +got):\n%s", f.From, f.To, diff)
	}
	for _, connection := range proxy.Connects(host, int32(port)) {
		fate := map[bool]string{true: "taken", false: "refused"}[connection.Taken]
		sent := fmt.Sprintf("%s %s", connection.Wire, fate)
		if want, asked := f.Endpoints[connection.Pod]; asked && want != sent {
			t.Errorf("%s to %s of %s: got %s, want %s", f.From, connection.Pod, f.To, sent, want)
		}
		delete(f.Endpoints, connection.Pod)
	}
	for missing := range f.Endpoints {
		t.Errorf("%s does not reach %s through %s", f.From, missing, f.To)
	}
}

// stated returns the fields that a fact states.
func stated(t *testing.T, fact any) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(fact)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	if err := yaml.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// restricted returns the fields of what was found that the fact states too; those that were not found are left out.
func restricted(t *testing.T, got, fact any) map[string]any {
	t.Helper()
	found, asked := stated(t, got), stated(t, fact)
	for field := range found {
		if _, wanted := asked[field]; !wanted {
			delete(found, field)
		}
	}
	return found
}

func (f serveFact) holds(t *testing.T, mesh *oracle.Mesh) {
	served, found := oracle.For(mesh.Gateway(named(t, f.Gateway)).Serves(), f.Port, f.Name)
	switch {
	case f.Nothing && found:
		t.Errorf("%s serves %s on port %d, want nothing: %s", f.Gateway, f.Name, f.Port, served)
	case f.Nothing:
		return
	case !found:
		t.Errorf("%s serves nothing for %s on port %d", f.Gateway, f.Name, f.Port)
		return
	}
	got := serveFact{
		Gateway: f.Gateway, Port: f.Port, Name: f.Name, TLS: served.TLS, Certificates: served.Certificates,
		MinVersion: served.MinVersion, MaxVersion: served.MaxVersion, Ciphers: served.Ciphers, HTTP: &served.HTTP,
	}
	if redirects, known := served.Domains[f.Name]; known {
		got.Redirects = &redirects
	}
	if diff := cmp.Diff(stated(t, f), restricted(t, got, f)); diff != "" {
		t.Errorf("%s serves %s on port %d (-want +got):\n%s", f.Gateway, f.Name, f.Port, diff)
	}
}

func (f callFact) holds(t *testing.T, mesh *oracle.Mesh) {
	proxy := mesh.Sidecar(named(t, f.At))
	if f.Mode == simulation.CallModeGateway {
		proxy = mesh.Gateway(named(t, f.At))
	}
	result := proxy.Call(simulation.Call{
		Address: f.Address, Port: f.Port, Protocol: f.Protocol, TLS: f.TLS, Sni: f.SNI, HostHeader: f.Host, Alpn: f.ALPN, CallMode: f.Mode,
	})
	got := f
	got.Cluster, got.Error = "", ""
	if result.Error != nil {
		got.Error = result.Error.Error()
	} else {
		got.Cluster = result.ClusterMatched
	}
	if diff := cmp.Diff(f, got); diff != "" {
		t.Errorf("a call (-want +got):\n%s", diff)
	}
}
