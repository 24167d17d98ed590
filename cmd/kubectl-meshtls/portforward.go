package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	streaming "k8s.io/streaming/pkg/httpstream"
)

// portForwardDefault stands for the Service of Istio's samples.
const portForwardDefault = "prometheus"

// service is what a user names to forward to.
type service struct {
	namespace, name string
	// port is a Service's port by name or number; empty: the first.
	port string
}

// parseService reads <namespace>/<service>[:<port>]; without a namespace it is the given one.
func parseService(words, namespace string) (service, error) {
	name, port, _ := strings.Cut(words, ":")
	s := service{namespace: namespace, name: name, port: port}
	if of, rest, found := strings.Cut(name, "/"); found {
		s.namespace, s.name = of, rest
	}
	if s.namespace == "" || s.name == "" || strings.Contains(s.name, "/") {
		return service{}, fmt.Errorf("%q names no Service: it is <namespace>/<service>[:<port>]", words)
	}
	return s, nil
}

// forward opens a port of this machine, on loopback, that leads to the Service, and returns its address.
func (s *input) forward(ctx context.Context, words string) (address string, stop func(), err error) {
	to, err := parseService(words, s.istioNamespace)
	if err != nil {
		return "", nil, err
	}
	config, clients, err := connect(s.kube)
	if err != nil {
		return "", nil, err
	}
	pod, port, err := behind(ctx, clients, to)
	if err != nil {
		return "", nil, err
	}
	return forwardTo(ctx, config, clients, podPort{pod: pod, port: port})
}

// connect returns a client of the cluster that the flags name, and how it is reached.
func connect(kube *genericclioptions.ConfigFlags) (*rest.Config, kubernetes.Interface, error) {
	config, err := restConfig(kube)
	if err != nil {
		return nil, nil, err
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return config, clients, nil
}

// behind finds a ready pod of the Service, and its port.
func behind(ctx context.Context, clients kubernetes.Interface, to service) (*corev1.Pod, int32, error) {
	found, err := clients.CoreV1().Services(to.namespace).Get(ctx, to.name, metav1.GetOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("finding Prometheus: %w", err)
	}
	if len(found.Spec.Selector) == 0 || len(found.Spec.Ports) == 0 {
		return nil, 0, fmt.Errorf("finding Prometheus: Service %s/%s has no selector or no port", to.namespace, to.name)
	}
	pods, err := clients.CoreV1().Pods(to.namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.FormatLabels(found.Spec.Selector)})
	if err != nil {
		return nil, 0, fmt.Errorf("finding Prometheus: %w", err)
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; isReady(pod) {
			port, err := targetPort(found, to.port, pod)
			return pod, port, err
		}
	}
	return nil, 0, fmt.Errorf("finding Prometheus: Service %s/%s has no ready pod", to.namespace, to.name)
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// targetPort returns the pod's port behind the Service's.
func targetPort(found *corev1.Service, asked string, pod *corev1.Pod) (int32, error) {
	for _, p := range found.Spec.Ports {
		if asked != "" && asked != p.Name && asked != strconv.Itoa(int(p.Port)) {
			continue
		}
		if p.TargetPort.StrVal == "" {
			return cmp.Or(p.TargetPort.IntVal, p.Port), nil
		}
		for _, c := range pod.Spec.Containers {
			for _, declared := range c.Ports {
				if declared.Name == p.TargetPort.StrVal {
					return declared.ContainerPort, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("finding Prometheus: Service %s/%s has no port %s that leads to its pods", found.Namespace, found.Name, asked)
}

// errEndedAtOnce is what can be said of a connection that went without a word.
var errEndedAtOnce = errors.New("the connection ended at once")

// podPort is where connections are forwarded to.
type podPort struct {
	pod  *corev1.Pod
	port int32
}

// dialerTo speaks WebSocket, and SPDY where something on the way knows no other.
func dialerTo(config *rest.Config, target *url.URL) (streaming.Dialer, error) {
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	overWebsocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(target, config)
	if err != nil {
		return nil, err
	}
	older := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	return portforward.NewFallbackDialerForStreaming(overWebsocket, older, func(err error) bool {
		return streaming.IsUpgradeFailure(err) || streaming.IsHTTPSProxyError(err)
	}), nil
}

func forwardTo(
	ctx context.Context, config *rest.Config, clients kubernetes.Interface, to podPort,
) (address string, stop func(), err error) {
	pod := clients.CoreV1().RESTClient().Post().Namespace(to.pod.Namespace).Resource("pods").Name(to.pod.Name)
	dialer, err := dialerTo(config, pod.SubResource("portforward").URL())
	if err != nil {
		return "", nil, err
	}
	stopped, ready := make(chan struct{}), make(chan struct{})
	from, ports := []string{"127.0.0.1"}, []string{fmt.Sprintf(":%d", to.port)}
	forwarder, err := portforward.NewOnAddressesForStreaming(dialer, from, ports, stopped, ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, err
	}
	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = forwarder.ForwardPorts()
	}()
	stop = func() {
		close(stopped)
		<-ended
	}
	select {
	case <-ended:
		return "", nil, fmt.Errorf("forwarding to pod %s/%s: %w", to.pod.Namespace, to.pod.Name, cmp.Or(failure, errEndedAtOnce))
	case <-ctx.Done():
		stop()
		return "", nil, ctx.Err()
	case <-ready:
	}
	opened, err := forwarder.GetPorts()
	if err != nil {
		stop()
		return "", nil, err
	}
	return fmt.Sprintf("http://127.0.0.1:%d", opened[0].Local), stop, nil
}
