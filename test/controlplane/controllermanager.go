package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// startTimeout is what a program has to become ready. Generous: several control planes may start at once on a small machine.
const startTimeout = 2 * time.Minute

// startControllerManager runs the named controllers and waits until kube-controller-manager says that it is healthy.
func (c *ControlPlane) startControllerManager(ctx context.Context, program string, controllers []string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	p, err := c.Run(controllerManagerBinary, program,
		"--kubeconfig="+c.Kubeconfig,
		"--controllers="+strings.Join(controllers, ","),
		"--bind-address=127.0.0.1",
		"--secure-port="+strconv.Itoa(port),
		"--cert-dir="+c.workspace.path("certs"),
		"--leader-elect=false",
	)
	if err != nil {
		return err
	}
	if err := p.waitHealthy(ctx, fmt.Sprintf("https://127.0.0.1:%d/healthz", port)); err != nil {
		return fmt.Errorf("waiting for %s: %w", controllerManagerBinary, errors.Join(err, p.Err()))
	}
	return nil
}

// waitHealthy waits until the URL answers with OK. It gives up at once when the process ends.
func (p *Process) waitHealthy(ctx context.Context, url string) error {
	// The process makes its certificate itself; all that is asked is whether it is up.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: time.Second}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		if err := p.Err(); err != nil {
			return false, err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := client.Do(request)
		if err != nil {
			return false, nil // not listening yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
}
