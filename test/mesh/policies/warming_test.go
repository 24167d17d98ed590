package policies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshtls/meshtls/test/mesh"
)

const (
	// warmTime is what proxies have to take up clusters that have changed.
	warmTime = 3 * time.Second
	// outWarming is counted where they needed help. A cluster that has changed is not used until istiod has told its endpoints again;
	// istiod does not always, and then the proxy goes on as before until the next push.
	outWarming = "(proxies that waited for endpoints until the next push)"
)

// pushes is how often a push is tried: one that comes while a proxy takes up another does not help it.
const pushes = 5

// inForce waits until proxies use the clusters that they have been given. Where they wait for endpoints, a push helps.
func (r *randomWorlds) inForce(ctx context.Context) error {
	err := r.warmSoon(ctx)
	if err == nil {
		return nil
	}
	r.leftOut[outWarming]++
	for range pushes {
		if pushErr := r.ApplyYAML(ctx, pushed); pushErr != nil {
			return pushErr
		}
		err = r.warmSoon(ctx)
		if clearErr := r.clearPush(ctx); err == nil || clearErr != nil {
			return clearErr
		}
		if err = r.warmSoon(ctx); err == nil {
			return nil
		}
	}
	return err
}

// warmSoon waits for as long as proxies take to use what they are given.
func (r *randomWorlds) warmSoon(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, poll, warmTime, true, func(ctx context.Context) (bool, error) {
		err := r.warm(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return nil
}

// pushed is an object that is for nobody; but with it istiod tells all proxies all.
const pushed = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: istio-system, name: push}
spec: {mtls: {mode: UNSET}}
`

// clearPush deletes it again.
func (r *randomWorlds) clearPush(ctx context.Context) error {
	objects, err := mesh.Decode([]byte(pushed))
	for _, o := range objects {
		err = errors.Join(err, r.Client.Delete(ctx, o))
	}
	return err
}

// warm says which proxy has clusters that it does not use yet.
func (r *randomWorlds) warm(ctx context.Context) error {
	for _, pod := range r.running {
		if !pod.Inside.HasProxy() {
			continue
		}
		clusters, err := warming(ctx, pod)
		if err != nil {
			return err
		}
		if len(clusters) > 0 {
			return fmt.Errorf("the proxy of %s waits for the endpoints of %s", pod, strings.Join(clusters, ", "))
		}
	}
	return nil
}

// warming returns the clusters that a pod's proxy does not use yet.
func warming(ctx context.Context, pod *mesh.Running) ([]string, error) {
	admin := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return pod.Inside.Sandbox.Dial(ctx, network, address)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:15000/config_dump?resource=dynamic_warming_clusters", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := admin.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the proxy of %s: %w", pod, err)
	}
	defer func() { _ = response.Body.Close() }()
	var dump struct {
		Configs []struct {
			Cluster struct {
				Name string `json:"name"`
			} `json:"cluster"`
		} `json:"configs"`
	}
	err = json.NewDecoder(response.Body).Decode(&dump)
	var names []string
	for _, c := range dump.Configs {
		names = append(names, c.Cluster.Name)
	}
	return names, err
}
