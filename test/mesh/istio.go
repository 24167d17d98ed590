package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/test/mesh/kubelet"
)

const (
	// IstioNamespace is where istiod is, and the root namespace.
	IstioNamespace = "istio-system"
	// istiodName is the name of istiod's Deployment, of its Service and of its service account.
	istiodName = "istiod"
	// fieldOwner is who applies objects.
	fieldOwner = "mesh"
	// istiodTimeout is what istiod has to come up.
	istiodTimeout = 2 * time.Minute
	// poll is how often a state is looked at that comes by itself.
	poll = 20 * time.Millisecond
)

// leftOut are the kinds in Istio's charts for which there is nobody here, and the CRDs, which the control plane installs.
var leftOut = map[string]bool{"CustomResourceDefinition": true, "HorizontalPodAutoscaler": true, "PodDisruptionBudget": true}

// installation returns what is asked of Istio's charts. What Envoy's own project does not build is off.
func installation(meshConfig map[string]any) map[string]any {
	config := map[string]any{
		"accessLogFile":     accessLogFile,
		"accessLogEncoding": "JSON",
		"accessLogFormat":   accessLogFormat,
		"defaultConfig":     map[string]any{"fileFlushInterval": "0.02s"},
	}
	for key, value := range meshConfig {
		config[key] = value
	}
	return map[string]any{
		"apiVersion": "install.istio.io/v1alpha1",
		"kind":       "IstioOperator",
		"spec": map[string]any{
			"profile":    "minimal",
			"meshConfig": config,
			"values": map[string]any{
				"telemetry": map[string]any{"enabled": false},
				"global":    map[string]any{"proxy": map[string]any{"resources": map[string]any{"limits": map[string]any{"cpu": "1"}}}},
				"pilot": map[string]any{
					"env": map[string]any{"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"},
				},
			},
		},
	}
}

// render returns what Istio's charts install.
func render(ctx context.Context, folder string, meshConfig map[string]any) ([]*unstructured.Unstructured, error) {
	programs, err := Programs()
	if err != nil {
		return nil, err
	}
	wanted, err := yaml.Marshal(installation(meshConfig))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "istio.yaml")
	if err := os.WriteFile(file, wanted, 0o600); err != nil {
		return nil, fmt.Errorf("writing what is asked of Istio's charts: %w", err)
	}
	output, err := exec.CommandContext(ctx, filepath.Join(programs, "manifests"), file).Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil, fmt.Errorf("rendering Istio's charts: %w\n%s", err, exit.Stderr)
	} else if err != nil {
		return nil, fmt.Errorf("rendering Istio's charts: %w", err)
	}
	return Decode(output)
}

// Decode returns the objects of a YAML stream.
func Decode(stream []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// installIstio applies Istio's charts and waits until istiod is ready and injects.
func (m *Mesh) installIstio(ctx context.Context, objects []*unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, istiodTimeout)
	defer cancel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: IstioNamespace}}
	if err := m.Client.Create(ctx, namespace); err != nil {
		return err
	}
	if err := m.giveKubeconfig(ctx); err != nil {
		return err
	}
	writers, writing := errgroup.WithContext(ctx)
	for _, object := range objects {
		if leftOut[object.GetKind()] {
			continue
		}
		if object.GetKind() == "Deployment" {
			if err := place(object); err != nil {
				return err
			}
		}
		writers.Go(func() error { return m.Apply(writing, object) })
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, poll, true, m.injects)
}

// place puts istiod at its address.
func place(deployment *unstructured.Unstructured) error {
	unstructured.RemoveNestedField(deployment.Object, "spec", "strategy")
	fields := []string{"spec", "template", "metadata", "annotations", kubelet.AddressAnnotation}
	return errors.Join(
		unstructured.SetNestedField(deployment.Object, istiodIP.String(), fields...),
		unstructured.SetNestedField(deployment.Object, "Recreate", "spec", "strategy", "type"))
}

// giveKubeconfig puts the kubeconfig of istiod's service account where its Deployment looks for one.
func (m *Mesh) giveKubeconfig(ctx context.Context) error {
	user, err := m.Plane.AddServiceAccount(IstioNamespace, istiodName)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(user.Kubeconfig)
	if err != nil {
		return fmt.Errorf("reading istiod's kubeconfig: %w", err)
	}
	return m.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: IstioNamespace, Name: "istio-kubeconfig"}, Data: map[string][]byte{"config": content},
	})
}

// injects reports whether istiod is ready, and has told the API server whom to trust when it asks it to inject.
func (m *Mesh) injects(ctx context.Context) (bool, error) {
	var pods corev1.PodList
	err := m.Client.List(ctx, &pods, client.InNamespace(IstioNamespace), client.MatchingLabels{"app": istiodName})
	if err != nil || len(pods.Items) == 0 {
		return false, err
	}
	if pod := pods.Items[0]; pod.Status.Phase == corev1.PodFailed {
		return false, fmt.Errorf("istiod: %s", pod.Status.Message)
	} else if !isReady(&pod) {
		return false, nil
	}
	var webhooks admissionregistrationv1.MutatingWebhookConfigurationList
	if err := m.Client.List(ctx, &webhooks); err != nil || len(webhooks.Items) == 0 {
		return false, err
	}
	for _, configuration := range webhooks.Items {
		for _, webhook := range configuration.Webhooks {
			if len(webhook.ClientConfig.CABundle) == 0 {
				return false, nil
			}
		}
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: IstioNamespace, Name: istiodName}}
	_, err = m.endpointOf(ctx, service, "https-webhook")
	return err == nil, nil // not there yet, if there is none
}

// Istiod returns the pod of istiod, as the node sees it: signals to its sandbox let it be away for a while.
func (m *Mesh) Istiod(ctx context.Context) (*kubelet.Pod, error) {
	var pods corev1.PodList
	if err := m.Client.List(ctx, &pods, client.InNamespace(IstioNamespace), client.MatchingLabels{"app": istiodName}); err != nil {
		return nil, err
	}
	if len(pods.Items) == 0 {
		return nil, fmt.Errorf("istiod has no pod")
	}
	return m.kubelet.Pod(IstioNamespace, pods.Items[0].Name)
}

// Apply applies objects server-side, as kubectl apply --server-side does.
func (m *Mesh) Apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	for _, object := range objects {
		err := m.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(fieldOwner), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("applying %s %s: %w", object.GetKind(), client.ObjectKeyFromObject(object), err)
		}
	}
	return nil
}

// ApplyYAML applies the objects of a YAML stream in their order.
func (m *Mesh) ApplyYAML(ctx context.Context, stream string) error {
	objects, err := Decode([]byte(stream))
	if err != nil {
		return fmt.Errorf("reading objects: %w", err)
	}
	return m.Apply(ctx, objects...)
}
