package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/sandbox"
)

// AddressAnnotation on a pod asks for an IP address.
const AddressAnnotation = "mesh.meshtls.dev/address"

// podTimeout is what a pod has to become ready.
const podTimeout = 2 * time.Minute

// Network gives sandboxes an address.
type Network interface {
	// Attach connects a sandbox to the network, at the wanted address unless that is empty.
	Attach(ctx context.Context, s *sandbox.Sandbox, wanted string) (netip.Addr, error)
}

// Kubelet runs pods.
type Kubelet struct {
	// Client is an administrator's.
	Client kubernetes.Interface
	// Node is the name of the node that the pods are on, and Address its IP address.
	Node    string
	Address netip.Addr
	// Network gives each pod its address.
	Network Network
	// Runner runs the programs.
	Runner sandbox.Runner
	// Folder is for the pods' files, and Programs holds what their containers run.
	Folder, Programs string
	// APIServer is the address of the API server on the host's loopback interface. istiod reaches it there.
	APIServer string
	// Files are files that every pod finds at these paths.
	Files map[string][]byte
	// Authority issues the certificates of applications that speak TLS themselves.
	Authority *app.Authority

	mu      sync.Mutex
	pods    map[types.UID]*Pod
	started int
	running sync.WaitGroup
}

// Start registers the node and runs the pods that there are and that will be, until the context ends.
func (k *Kubelet) Start(ctx context.Context, port int32) error {
	k.pods = map[types.UID]*Pod{}
	if err := k.register(ctx, port); err != nil {
		return fmt.Errorf("registering node %s: %w", k.Node, err)
	}
	factory := informers.NewSharedInformerFactory(k.Client, 0)
	pods := factory.Core().V1().Pods().Informer()
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.see(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { k.see(ctx, object.(*corev1.Pod)) },
		DeleteFunc: func(object any) { k.forget(object) },
	})
	if err != nil {
		return fmt.Errorf("watching pods: %w", err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), pods.HasSynced) {
		return fmt.Errorf("watching pods: %w", ctx.Err())
	}
	return nil
}

// Wait waits until nothing is under way any more, after the end of the context.
func (k *Kubelet) Wait() { k.running.Wait() }

// register makes the node known, with the address at which the API server finds this kubelet.
func (k *Kubelet) register(ctx context.Context, port int32) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: k.Node, Labels: map[string]string{corev1.LabelHostname: k.Node}}}
	created, err := k.Client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	created.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: k.Address.String()}}
	created.Status.DaemonEndpoints.KubeletEndpoint.Port = port
	created.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}}
	_, err = k.Client.CoreV1().Nodes().UpdateStatus(ctx, created, metav1.UpdateOptions{})
	return err
}

// see takes what the API server says of a pod.
func (k *Kubelet) see(ctx context.Context, object *corev1.Pod) {
	if object.Spec.NodeName != "" && object.Spec.NodeName != k.Node {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	pod := k.pods[object.UID]
	switch {
	case object.DeletionTimestamp != nil:
		if pod == nil {
			pod = k.newPod(ctx, object)
		}
		k.running.Go(func() { pod.remove(ctx) })
	case pod == nil:
		pod = k.newPod(ctx, object)
		k.pods[object.UID] = pod
		k.running.Go(pod.run)
	}
}

// newPod returns a pod that does not run yet.
func (k *Kubelet) newPod(ctx context.Context, object *corev1.Pod) *Pod {
	k.started++
	pod := &Pod{kubelet: k, object: object.DeepCopy(), number: k.started}
	pod.lifetime, pod.cancel = context.WithCancel(ctx)
	return pod
}

// forget ends a pod whose object is gone.
func (k *Kubelet) forget(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	deleted, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if pod := k.pods[deleted.UID]; pod != nil {
		delete(k.pods, deleted.UID)
		k.running.Go(pod.stop)
	}
}

// Pod returns a pod that runs, with its sandbox.
func (k *Kubelet) Pod(namespace, name string) (*Pod, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pod := range k.pods {
		if pod.object.Namespace == namespace && pod.object.Name == name && pod.ready() {
			return pod, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s does not run here", namespace, name)
}

// At returns the pod at an address; nil if there is none.
func (k *Kubelet) At(address netip.Addr) *Pod {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pod := range k.pods {
		if pod.IP == address {
			return pod
		}
	}
	return nil
}

// remove ends a pod that is to be deleted, and then its object.
func (p *Pod) remove(ctx context.Context) {
	p.stop()
	now := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0), Preconditions: metav1.NewUIDPreconditions(string(p.object.UID))}
	err := p.kubelet.Client.CoreV1().Pods(p.object.Namespace).Delete(ctx, p.object.Name, now)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && !errors.Is(err, context.Canceled) {
		p.say("deleting the object: %v", err)
	}
}
