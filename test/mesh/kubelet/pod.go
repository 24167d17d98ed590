package kubelet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/relay"
	"github.com/meshtls/meshtls/test/mesh/sandbox"
)

// probeInterval is how often a container that is not ready yet is asked.
const probeInterval = 20 * time.Millisecond

// folders are those of a pod that its programs may write to.
var folders = []string{"etc", "tmp", "var"}

// Pod is a pod that runs here, or is about to.
type Pod struct {
	// Sandbox is where it runs, and IP its address there.
	Sandbox *sandbox.Sandbox
	IP      netip.Addr

	kubelet *Kubelet
	object  *corev1.Pod
	number  int
	// lifetime ends when the pod is stopped.
	lifetime context.Context
	cancel   context.CancelFunc

	mu       sync.Mutex // held while the pod starts and while it stops
	stopped  bool
	programs []*controlplane.Process
}

// name returns what the pod's sandbox and logs are called.
func (p *Pod) name() string {
	return fmt.Sprintf("%s.%s.%d", p.object.Namespace, p.object.Name, p.number)
}

// String returns the pod's namespace and name.
func (p *Pod) String() string { return p.object.Namespace + "/" + p.object.Name }

// HasProxy reports whether one of Istio's proxies is in the pod.
func (p *Pod) HasProxy() bool {
	isProxy := func(c corev1.Container) bool { return c.Name == proxyContainer }
	return slices.ContainsFunc(p.object.Spec.InitContainers, isProxy) || slices.ContainsFunc(p.object.Spec.Containers, isProxy)
}

// HasApplication reports whether the pod has a container that is not Istio's.
func (p *Pod) HasApplication() bool {
	return slices.ContainsFunc(p.object.Spec.Containers, func(c corev1.Container) bool { return !isIstio(c) })
}

// ready reports whether the pod has a sandbox with an address.
func (p *Pod) ready() bool { return p.IP.IsValid() }

// run takes a pod from its object to readiness. What goes wrong is in its status.
func (p *Pod) run() {
	ctx, cancel := context.WithTimeout(p.lifetime, podTimeout)
	defer cancel()
	if err := p.start(ctx); err != nil && p.lifetime.Err() == nil {
		p.say("%v", err)
		p.report(p.lifetime, corev1.PodStatus{Phase: corev1.PodFailed, Reason: "NotStarted", Message: err.Error()})
	}
}

// start brings up the parts of a pod in their order.
func (p *Pod) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lifetime.Err() != nil {
		return p.lifetime.Err()
	}
	if err := p.bind(ctx); err != nil {
		return err
	}
	if err := p.createSandbox(ctx); err != nil {
		return err
	}
	if err := p.mountVolumes(ctx); err != nil {
		return err
	}
	for i := range p.object.Spec.InitContainers {
		if err := p.startContainer(ctx, &p.object.Spec.InitContainers[i]); err != nil {
			return err
		}
	}
	for i := range p.object.Spec.Containers {
		if err := p.startContainer(ctx, &p.object.Spec.Containers[i]); err != nil {
			return err
		}
	}
	if err := p.waitReady(ctx); err != nil {
		return err
	}
	p.report(ctx, p.status(corev1.ConditionTrue))
	return nil
}

// bind puts the pod on the node.
func (p *Pod) bind(ctx context.Context) error {
	if p.object.Spec.NodeName != "" {
		return nil
	}
	p.object.Spec.NodeName = p.kubelet.Node
	return p.kubelet.Client.CoreV1().Pods(p.object.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.object.Namespace, Name: p.object.Name, UID: p.object.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: p.kubelet.Node},
	}, metav1.CreateOptions{})
}

// createSandbox gives the pod its namespaces, its address and the files that every pod has. Endpoints come with the address.
func (p *Pod) createSandbox(ctx context.Context) error {
	options := sandbox.Options{Name: p.name(), Folder: filepath.Join(p.kubelet.Folder, p.name()), Programs: p.kubelet.Programs}
	var err error
	if p.Sandbox, err = sandbox.Start(ctx, p.kubelet.Runner, options); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := os.Mkdir(p.Path(folder), 0o755); err != nil {
			return fmt.Errorf("creating /%s in pod %s: %w", folder, p.name(), err)
		}
	}
	for path, content := range p.kubelet.Files {
		if err := p.Write(path, content); err != nil {
			return err
		}
	}
	ip, err := p.kubelet.Network.Attach(ctx, p.Sandbox, p.object.Annotations[AddressAnnotation])
	if err != nil {
		return err
	}
	p.kubelet.mu.Lock()
	p.IP = ip
	p.kubelet.mu.Unlock()
	p.object.Status.PodIP = ip.String()
	p.object.Status.HostIP = p.kubelet.Address.String()
	p.report(ctx, p.status(corev1.ConditionFalse))
	return nil
}

// Write writes a file that the pod's containers find at a path.
func (p *Pod) Write(path string, content []byte) error {
	inside := p.Path(path)
	if err := os.MkdirAll(filepath.Dir(inside), 0o755); err != nil {
		return fmt.Errorf("creating %s in pod %s: %w", filepath.Dir(path), p.name(), err)
	}
	if err := os.WriteFile(inside, content, 0o644); err != nil {
		return fmt.Errorf("writing %s in pod %s: %w", path, p.name(), err)
	}
	return nil
}

// Path returns where on the host a file of the pod's containers is.
func (p *Pod) Path(inside string) string { return filepath.Join(p.Sandbox.Root, inside) }

// serve serves a port of the application.
func (p *Pod) serve(ctx context.Context, port int32, kind app.Kind) error {
	listener, err := p.Sandbox.Listen(ctx, "tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return fmt.Errorf("serving port %d of pod %s: %w", port, p.name(), err)
	}
	server := app.Server{Name: p.object.Name, Authority: p.kubelet.Authority}
	p.kubelet.running.Go(func() { server.Serve(p.lifetime, listener, kind) })
	return nil
}

// reachAPIServer makes the API server, which is on the host, answer inside at the same address.
func (p *Pod) reachAPIServer(ctx context.Context) error {
	listener, err := p.Sandbox.Listen(ctx, "tcp4", p.kubelet.APIServer)
	if err != nil {
		return fmt.Errorf("relaying to the API server: %w", err)
	}
	context.AfterFunc(p.lifetime, func() { _ = listener.Close() })
	p.kubelet.running.Go(func() {
		relay.Serve(listener, func() (net.Conn, error) {
			return new(net.Dialer).DialContext(p.lifetime, "tcp", p.kubelet.APIServer)
		})
	})
	return nil
}

// waitReady waits until every container with a readiness probe is ready.
func (p *Pod) waitReady(ctx context.Context) error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: p.Sandbox.Dial, DisableKeepAlives: true}}
	containers := append(append([]corev1.Container{}, p.object.Spec.InitContainers...), p.object.Spec.Containers...)
	for _, container := range containers {
		if !isIstio(container) || container.ReadinessProbe == nil || container.ReadinessProbe.HTTPGet == nil {
			continue
		}
		url := fmt.Sprintf("http://%s:%d%s", p.IP, container.ReadinessProbe.HTTPGet.Port.IntVal, container.ReadinessProbe.HTTPGet.Path)
		err := wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
			return answers(ctx, client, url), p.ended()
		})
		if err != nil {
			return fmt.Errorf("waiting until container %s is ready: %w", container.Name, err)
		}
	}
	return nil
}

// answers reports whether a probe succeeds.
func answers(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ended says which program of the pod has ended although nobody asked it to.
func (p *Pod) ended() error {
	for _, program := range p.programs {
		if err := program.Err(); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the pod. It may be called again.
func (p *Pod) stop() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || p.Sandbox == nil {
		return
	}
	p.stopped = true
	if err := p.Sandbox.Stop(); err != nil {
		p.say("%v", err)
	}
	if err := os.RemoveAll(filepath.Dir(p.Sandbox.Root)); err != nil {
		p.say("removing its files: %v", err)
	}
}
