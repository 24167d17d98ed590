package mesh

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/kubelet"
)

// Proxy is the proxy of a pod.
type Proxy string

const (
	// Sidecar: Istio injects one beside the application.
	Sidecar Proxy = "Sidecar"
	// None: the pod is not in the mesh.
	None Proxy = "None"
	// Gateway: the proxy is all that there is in the pod.
	Gateway Proxy = "Gateway"
)

// Port is a port that a pod's application serves.
type Port struct {
	Number int32
	// Name is that of the container's port.
	Name string
	// Kind is the kind of server; app.Any if it is not said.
	Kind app.Kind
}

// Pod says what a pod is.
type Pod struct {
	Namespace, Name string
	// Labels are the pod's own; without any it has app: NAME.
	Labels map[string]string
	// ServiceAccount is made if it is not there; default if it is not said.
	ServiceAccount string
	// Proxy is Sidecar if it is not said.
	Proxy Proxy
	Ports []Port
	// Annotations are the pod's own.
	Annotations map[string]string
}

// Running is a pod that runs.
type Running struct {
	Pod

	// IP is the pod's address.
	IP netip.Addr
	// Inside is the pod as the node sees it: its sandbox and its files.
	Inside *kubelet.Pod
}

// String returns the pod's namespace and name.
func (r *Running) String() string { return r.Namespace + "/" + r.Name }

// Run runs pods, and returns them in their order when all are ready. Namespaces and service accounts that are missing are made.
func (m *Mesh) Run(ctx context.Context, pods ...Pod) ([]*Running, error) {
	for i := range pods {
		if err := m.create(ctx, &pods[i]); err != nil {
			return nil, fmt.Errorf("creating pod %s/%s: %w", pods[i].Namespace, pods[i].Name, err)
		}
	}
	running := make([]*Running, len(pods))
	for i, pod := range pods {
		var err error
		if running[i], err = m.await(ctx, pod); err != nil {
			return nil, fmt.Errorf("waiting for pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return running, nil
}

// create creates a pod with all that it needs.
func (m *Mesh) create(ctx context.Context, pod *Pod) error {
	if pod.ServiceAccount == "" {
		pod.ServiceAccount = "default"
	}
	needed := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: pod.Namespace}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.ServiceAccount}},
	}
	if pod.Proxy == Gateway {
		needed = append(needed, secretReader(pod)...)
	}
	for _, object := range needed {
		if err := m.Client.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return m.Client.Create(ctx, pod.object())
}

// secretReader lets a gateway read the Secrets of its namespace, as Istio's chart for gateways does.
func secretReader(pod *Pod) []client.Object {
	meta := metav1.ObjectMeta{Namespace: pod.Namespace, Name: "secrets-of-" + pod.ServiceAccount}
	return []client.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "watch", "list"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: pod.Namespace, Name: pod.ServiceAccount}},
		},
	}
}

// object returns the pod as a user writes it. What is missing of a proxy, istiod injects.
func (p *Pod) object() *corev1.Pod {
	object := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: maps.Clone(p.Labels), Annotations: maps.Clone(p.Annotations)},
		Spec: corev1.PodSpec{
			ServiceAccountName: p.ServiceAccount,
			Containers:         []corev1.Container{{Name: "app", Image: "app"}},
		},
	}
	if len(object.Labels) == 0 {
		object.Labels = map[string]string{"app": p.Name}
	}
	if object.Annotations == nil {
		object.Annotations = map[string]string{}
	}
	container := &object.Spec.Containers[0]
	switch p.Proxy {
	case None:
		object.Labels["sidecar.istio.io/inject"] = "false"
	case Gateway:
		object.Labels["sidecar.istio.io/inject"] = "true"
		object.Annotations["inject.istio.io/templates"] = "gateway"
		container.Name, container.Image = "istio-proxy", "auto"
	default:
		object.Labels["sidecar.istio.io/inject"] = "true"
	}
	for _, port := range p.Ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{ContainerPort: port.Number, Name: port.Name})
		if port.Kind != "" {
			container.Args = append(container.Args, strconv.Itoa(int(port.Number))+"="+string(port.Kind))
		}
	}
	return object
}

// await waits until a pod is ready.
func (m *Mesh) await(ctx context.Context, pod Pod) (*Running, error) {
	var object corev1.Pod
	err := wait.PollUntilContextTimeout(ctx, poll, podTimeout, true, func(ctx context.Context) (bool, error) {
		if err := m.Client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Name}, &object); err != nil {
			return false, err
		}
		if object.Status.Phase == corev1.PodFailed {
			return false, fmt.Errorf("it failed: %s", object.Status.Message)
		}
		return isReady(&object), nil
	})
	if err != nil {
		return nil, err
	}
	found, err := m.kubelet.Pod(pod.Namespace, pod.Name)
	if err != nil {
		return nil, err
	}
	return &Running{Pod: pod, IP: found.IP, Inside: found}, nil
}

// isReady reports whether a pod is ready.
func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Pods returns the pods that are ready, whoever has made them, but istiod's.
func (m *Mesh) Pods(ctx context.Context) ([]*Running, error) {
	var pods corev1.PodList
	if err := m.Client.List(ctx, &pods); err != nil {
		return nil, err
	}
	var running []*Running
	for i := range pods.Items {
		object := &pods.Items[i]
		if object.Namespace == IstioNamespace || !isReady(object) {
			continue
		}
		found, err := m.kubelet.Pod(object.Namespace, object.Name)
		if err != nil {
			continue // it is about to go
		}
		running = append(running, &Running{IP: found.IP, Inside: found, Pod: Pod{
			Namespace: object.Namespace, Name: object.Name, Labels: object.Labels, Annotations: object.Annotations,
			ServiceAccount: object.Spec.ServiceAccountName, Proxy: proxyOf(found),
		}})
	}
	return running, nil
}

// proxyOf says which proxy a pod has.
func proxyOf(pod *kubelet.Pod) Proxy {
	switch {
	case !pod.HasProxy():
		return None
	case pod.HasApplication():
		return Sidecar
	}
	return Gateway
}

// Delete deletes pods and waits until they are gone.
func (m *Mesh) Delete(ctx context.Context, pods ...*Running) error {
	for _, pod := range pods {
		object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
		if err := m.Client.Delete(ctx, object, &client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}); err != nil {
			return client.IgnoreNotFound(err)
		}
		err := wait.PollUntilContextTimeout(ctx, poll, podTimeout, true, func(ctx context.Context) (bool, error) {
			err := m.Client.Get(ctx, client.ObjectKeyFromObject(object), object)
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		})
		if err != nil {
			return fmt.Errorf("waiting until pod %s/%s is gone: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}
