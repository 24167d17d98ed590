package conformance_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
	"istio.io/istio/pkg/config/schema/collections"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/cert"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/worlds"
)

// renderedWorlds is how many random worlds are rendered and validated.
const renderedWorlds = 1000

// analyzedEvery says of which random worlds the analyzers are asked too: they are slow.
const analyzedEvery = 20

// TestRenderedObjectsAreValid holds everything that the operator renders to Istio's own validation and analyzers.
func TestRenderedObjectsAreValid(t *testing.T) {
	for name, world := range writtenWorlds(t) {
		t.Run(name, func(t *testing.T) {
			operated := operate(t, world)
			validate(t, operated.Rendered)
			analyze(t, operated)
		})
	}
	for seed := range worlds.Setting(t, variableWorlds, renderedWorlds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := randomWorld(t, seed)
			validate(t, w.operated.Rendered)
			if seed%analyzedEvery == 0 {
				analyze(t, w.operated)
			}
		})
	}
}

// writtenWorlds returns the scenarios, the golden pairs of the compile, and the samples.
func writtenWorlds(t *testing.T) map[string]oracle.World {
	t.Helper()
	all := map[string]oracle.World{}
	for _, path := range glob(t, filepath.Join("testdata", "*", "*.yaml")) {
		all[path] = readScenario(t, path).world
	}
	for _, path := range glob(t, filepath.Join("..", "..", "internal", "compile", "testdata", "*", "*.in.yaml")) {
		all[path] = read(t, path)
	}
	var samples oracle.World
	err := filepath.WalkDir(filepath.Join("..", "..", "config", "samples"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".yaml") && entry.Name() != "kustomization.yaml" {
			samples = samples.With(read(t, path)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all["samples"] = samples
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s matches nothing (%v)", pattern, err)
	}
	return paths
}

func read(t *testing.T, path string) oracle.World {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	world, err := oracle.Parse(content)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return world
}

func operate(t *testing.T, world oracle.World) oracle.Operated {
	t.Helper()
	operated, err := oracle.Operate(t.Context(), world, oracle.AllAtOnce)
	if err != nil {
		t.Fatal(err)
	}
	return operated
}

// validate asks Istio's validation about each object, as its webhook would. A warning too is a fault of ours.
func validate(t *testing.T, rendered oracle.World) {
	t.Helper()
	for _, object := range rendered {
		stream, err := oracle.World{object}.YAML()
		if err != nil {
			t.Fatal(err)
		}
		configs, _, err := crd.ParseInputs(string(stream))
		if err != nil || len(configs) != 1 {
			t.Errorf("Istio refuses %s: %v\n%s", nameOf(object), err, stream)
			continue
		}
		schema, _ := collections.Pilot.FindByGroupVersionAliasesKind(configs[0].GroupVersionKind)
		if warning, err := schema.ValidateConfig(configs[0]); err != nil || warning != nil {
			t.Errorf("Istio says of %s: %v, %v\n%s", nameOf(object), warning, err, stream)
		}
	}
}

func nameOf(object *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}

// notAsked are the analyzers' errors that are not looked at, and why.
var notAsked = map[string]string{
	"IST0145": "it compares selectors, ports and hosts, and knows neither revisions nor that Istio merges servers of plain HTTP; " +
		"TestIntent and the scenarios ask Istio's merge itself",
	"IST0173": "subsets are the owner's, whose rule ours starts from",
}

// analyze asks Istio's analyzers about the world; what they call an error of an object whose policies are all Ready is one. The
// Secrets that policies name are given: they are not the operator's business here.
func analyze(t *testing.T, operated oracle.Operated) {
	t.Helper()
	world := operated.World.Without(oracle.OfKind("Pod")).With(pods(t, operated.World)...)
	stream, err := world.With(secrets(t, operated)...).YAML()
	if err != nil {
		t.Fatal(err)
	}
	analyzer := local.NewSourceAnalyzer(analyzers.AllCombined(), "", gather.DefaultIstioNamespace, nil)
	source := local.ReaderSource{Name: "world", Reader: bytes.NewReader(stream)}
	if err := analyzer.AddTestReaderKubeSource([]local.ReaderSource{source}); err != nil {
		t.Fatal(err)
	}
	result, err := analyzer.Analyze(t.Context().Done())
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range result.Messages {
		if _, skip := notAsked[message.Type.Code()]; skip {
			continue
		}
		if message.Type.Level() == diag.Error && message.Resource != nil && isReady(operated, message.Resource.Origin.FriendlyName()) {
			t.Errorf("Istio's analyzers: %s", message.String())
		}
	}
}

// isReady reports whether an object, by the name that the analyzers give it, is one of ours whose policies are all Ready.
func isReady(operated oracle.Operated, friendly string) bool {
	at := slices.IndexFunc(operated.Rendered, func(o *unstructured.Unstructured) bool {
		return strings.HasPrefix(friendly, fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName()))
	})
	if at < 0 {
		return false
	}
	object := operated.Rendered[at]
	for _, owner := range object.GetOwnerReferences() {
		status, _ := operated.Status(types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name})
		if !apimeta.IsStatusConditionTrue(status.Conditions, meshtlsv1alpha1.ConditionReady) {
			return false
		}
	}
	return true
}

// pods returns the world's, with those that controllers would make of their templates.
func pods(t *testing.T, world oracle.World) oracle.World {
	t.Helper()
	reader, err := world.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list corev1.PodList
	if err := reader.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	var all []*corev1.Pod
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	found, err := oracle.Of(all)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// secrets returns those that the Gateways name, in every namespace: which one a gateway runs in is the pods' matter.
func secrets(t *testing.T, operated oracle.Operated) []*unstructured.Unstructured {
	t.Helper()
	names, namespaces := sets.New[string](), sets.New[string]()
	for _, object := range operated.World {
		namespaces.Insert(object.GetNamespace())
		servers, _, _ := unstructured.NestedSlice(object.Object, "spec", "servers")
		for _, server := range servers {
			name, _, _ := unstructured.NestedString(server.(map[string]any), "tls", "credentialName")
			names.Insert(name)
		}
	}
	var all []*unstructured.Unstructured
	for namespace := range namespaces.Delete("") {
		for name := range names.Delete("") {
			all = append(all, secret(t, namespace, name))
		}
	}
	return all
}

// certificate is one for all Secrets: only its form matters.
var certificate = sync.OnceValues(func() ([2]string, error) {
	shown, key, err := cert.GenerateSelfSignedCertKey("gateway.example.com", nil, nil)
	return [2]string{base64.StdEncoding.EncodeToString(shown), base64.StdEncoding.EncodeToString(key)}, err
})

func secret(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	pair, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
		"data": map[string]any{"tls.crt": pair[0], "tls.key": pair[1], "ca.crt": pair[0]},
	}}
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}
