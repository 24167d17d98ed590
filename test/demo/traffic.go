package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const (
	// podsTimeout is what the shop's pods have to become ready.
	podsTimeout = 3 * time.Minute
	// callTimeout is what a call may take.
	callTimeout = 2 * time.Second
	// pause is the time between two rounds of traffic.
	pause = time.Second
)

// servers are the namespaces whose Services are called.
var servers = []string{"legacy", "payments", "shop", "warehouse"}

// callers are the pods that call, one of each Deployment: two with a sidecar, one without a proxy.
var callers = []client.ObjectKey{
	{Namespace: "shop", Name: "frontend"}, {Namespace: "payments", Name: "payments"}, {Namespace: "legacy", Name: "mainframe"},
}

// edge is a client and a port of a Service that it calls.
type edge struct {
	client  *mesh.Running
	service *corev1.Service
	port    corev1.ServicePort
}

// podsReady waits until every pod is ready.
func (c *cluster) podsReady(ctx context.Context) error {
	return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, podsTimeout, true, func(ctx context.Context) (bool, error) {
		ready, err := c.mesh.Pods(ctx)
		if err != nil {
			return false, err
		}
		var all corev1.PodList
		err = c.mesh.Client.List(ctx, &all)
		pods := slices.DeleteFunc(all.Items, func(p corev1.Pod) bool { return p.Namespace == mesh.IstioNamespace })
		return len(pods) > 0 && len(pods) == len(ready), err
	})
}

// edges returns who calls what.
func (c *cluster) edges(ctx context.Context) ([]edge, error) {
	pods, err := c.mesh.Pods(ctx)
	if err != nil {
		return nil, err
	}
	var services corev1.ServiceList
	if err := c.mesh.Client.List(ctx, &services); err != nil {
		return nil, fmt.Errorf("listing the Services: %w", err)
	}
	var found []edge
	for i := range services.Items {
		service := &services.Items[i]
		if !slices.Contains(servers, service.Namespace) || len(service.Spec.Selector) == 0 {
			continue
		}
		for _, port := range service.Spec.Ports {
			for _, caller := range callers {
				if pod := podOf(pods, caller); pod != nil && (caller.Namespace != service.Namespace || caller.Name != service.Name) {
					found = append(found, edge{pod, service, port})
				}
			}
		}
	}
	return found, nil
}

// podOf returns a pod of a Deployment.
func podOf(pods []*mesh.Running, deployment client.ObjectKey) *mesh.Running {
	i := slices.IndexFunc(pods, func(p *mesh.Running) bool {
		return p.Namespace == deployment.Namespace && p.Labels["app"] == deployment.Name
	})
	if i < 0 {
		return nil
	}
	return pods[i]
}

// call returns the call that a client makes: in the protocol that the port's name declares.
func (e edge) call(authority *app.Authority) mesh.Call {
	call := mesh.Call{
		From: e.client, Host: e.service.Name + "." + e.service.Namespace + ".svc.cluster.local", Port: uint16(e.port.Port),
		Protocol: app.HTTP1, Timeout: callTimeout,
	}
	switch declared, _, _ := strings.Cut(e.port.Name, "-"); declared {
	case "grpc":
		call.Protocol = app.GRPC
	case "tcp":
		call.Protocol = app.TCP
	case "tls", "https":
		call.TLS = &tls.Config{RootCAs: authority.Pool(), ServerName: call.Host}
	}
	return call
}

// sent returns what the application sends.
func sent(call mesh.Call) string {
	if call.TLS != nil {
		return "TLS of its own"
	}
	return string(call.Protocol)
}

// arrived returns what reached the server, and the lock that it deserves.
func arrived(result mesh.Result) (words, lock string) {
	switch result.Outcome() {
	case mesh.MutualTLS:
		last := result.Hops[len(result.Hops)-1]
		return "mutual TLS from " + cmp.Or(last.Client, "somebody with a certificate"), "locked"
	case mesh.TLS:
		return "TLS without a client certificate", "locked"
	case mesh.Plaintext:
		return "plaintext", "OPEN"
	}
	return "refused: " + result.How(), "-"
}

// showTraffic calls along every edge and prints what became of it.
func (c *cluster) showTraffic(ctx context.Context, p *printer) error {
	edges, err := c.edges(ctx)
	if err != nil {
		return err
	}
	p.line("\n%s", p.bold("Real connections: what applications sent, and what arrived"))
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CLIENT\tSERVER\tSENT\tLOCK\tARRIVED\tPOLICY")
	deciders := c.newDeciders()
	for _, e := range edges {
		call := e.call(c.mesh.Authority)
		result := c.mesh.Call(ctx, call)
		words, lock := arrived(result)
		policies, err := deciders.of(ctx, e, result)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(table, "%s.%s\t%s.%s:%d\t%s\t%s\t%s\t%s\n", e.client.Labels["app"], e.client.Namespace,
			e.service.Name, e.service.Namespace, e.port.Port, sent(call), lock, words, cmp.Or(strings.Join(policies, ", "), "-"))
	}
	return table.Flush()
}

// keepTraffic calls along every edge, again and again, until the context ends.
func (c *cluster) keepTraffic(ctx context.Context) error {
	edges, err := c.edges(ctx)
	if err != nil {
		return err
	}
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		for _, e := range edges {
			_ = c.mesh.Call(ctx, e.call(c.mesh.Authority))
		}
	}, pause)
	return nil
}
