package policies

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
	"github.com/meshtls/meshtls/test/mesh/operator"
)

// pause is the time between two changes, when the status says that the one is done.
const pause = 500 * time.Millisecond

// change is something that changes, while clients ask all the time.
type change struct {
	// before is there all the time.
	before string
	// steps are what happens, one after the other.
	steps []step
	// clients ask; they must be admitted at every step.
	clients func(*world) map[string]mesh.Call
}

// step is a change. Objects that it has applied go at the end.
type step func(context.Context, *world) error

// applied returns a step that applies objects.
func applied(text string) step {
	return func(ctx context.Context, w *world) error { return w.apply(ctx, text) }
}

// deleted returns a step that deletes objects.
func deleted(text string) step {
	return func(ctx context.Context, w *world) error {
		objects, err := mesh.Decode([]byte(text))
		for _, object := range objects {
			err = errors.Join(err, client.IgnoreNotFound(w.Client.Delete(ctx, object)))
		}
		return err
	}
}

// rotated returns a step that gives the gateway a new certificate.
func rotated(ctx context.Context, w *world) error {
	pair, err := w.Authority.Issue(shopHost)
	if err != nil {
		return err
	}
	return w.Client.Update(ctx, pair.Secret(edge, "shop-cert"))
}

// restarted returns a step that starts the operator anew.
func restarted(_ context.Context, w *world) error {
	return errors.Join(w.operator.Stop(), w.startOperator(operator.DefaultSettle))
}

// again repeats steps.
func again(times int, steps ...step) (all []step) {
	for range times {
		all = append(all, steps...)
	}
	return all
}

// changes returns those in which no request may be lost.
func changes() map[string]change {
	workload := func(mode string) step { return applied(accept(shop, "server", "service: server", mode)) }
	port := func(mode string) step {
		return applied(accept(shop, "server", "service: server", "Permissive", "{servicePort: http, mode: "+mode+"}"))
	}
	namespace := func(mode string) step { return applied(accept(shop, "all", "", mode)) }
	sent := func(mode string) string { return send("server", "", "hosts: ["+serverHost+"], mode: "+mode) }
	rival := send("rival", "", "hosts: ["+serverHost+"], mode: Disable")
	served := func(hosts string) string { return gatewayPolicy("  plaintext: [{port: 80, hosts: [" + hosts + "]}]") }
	return map[string]change{
		"what a workload accepts":           {steps: again(4, workload("Strict"), workload("Permissive")), clients: (*world).meshClients},
		"a workload through Disable":        {before: accept(shop, "server", "service: server", "Strict"), steps: []step{workload("Disable"), workload("Strict"), workload("Disable"), workload("Permissive")}, clients: (*world).meshClients},
		"a port through Disable":            {before: accept(shop, "server", "service: server", "Permissive"), steps: []step{port("Disable"), port("Strict")}, clients: (*world).meshClients},
		"a namespace through Disable":       {before: accept(shop, "all", "", "Strict"), steps: again(2, namespace("Disable"), namespace("Strict")), clients: (*world).meshClients},
		"what a port of a workload accepts": {steps: again(4, port("Strict"), port("Permissive")), clients: (*world).meshClients},
		"what clients send":                 {steps: again(3, applied(sent("Disable")), applied(sent("IstioMutual")), applied(sent("Auto"))), clients: (*world).meshClients},
		"a conflict that comes and goes":    {before: sent("IstioMutual"), steps: again(3, applied(rival), deleted(rival)), clients: (*world).meshClients},
		"the operator starts anew":          {before: accept(shop, "server", "service: server", "Strict"), steps: again(3, restarted), clients: (*world).meshClients},
		"what a gateway serves besides": {
			before: served("shop.example.com") + httpRoute, steps: again(3, applied(served("shop.example.com, other.example.com")), applied(served("shop.example.com"))),
			clients: func(w *world) map[string]mesh.Call {
				return map[string]mesh.Call{"HTTP through the gateway": {From: w.pods["bare"], Host: shopHost, Address: gatewayHost, Port: 80}}
			},
		},
		"the certificate of a gateway": {
			before: gatewayPolicy("  terminate: [{port: 443, hosts: [shop.example.com], credentialName: shop-cert}]") + httpRoute, steps: again(6, rotated),
			clients: func(w *world) map[string]mesh.Call {
				own := w.configOf(call{host: shopHost, tls: oneWay})
				return map[string]mesh.Call{"HTTPS through the gateway": {From: w.pods["bare"], Host: shopHost, Address: gatewayHost, Port: 443, TLS: own}}
			},
		},
	}
}

// changesWithoutLoss lets policies go around, and counts what is lost.
func (w *world) changesWithoutLoss(t *testing.T) {
	if err := restarted(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	all := changes()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			lost, asked := w.goAround(t, all[name])
			t.Logf("%d of %d requests lost in %d changes", lost, asked, len(all[name].steps))
			if lost > 0 {
				t.Errorf("%d of %d requests lost", lost, asked)
			}
		})
	}
}

// goAround makes the changes while clients ask, and returns how many of their requests were lost.
func (w *world) goAround(t *testing.T, c change) (lost, asked int) {
	t.Helper()
	defer w.clear(t)
	if err := w.apply(t.Context(), c.before); err != nil {
		t.Fatal(err)
	}
	clients := c.clients(w)
	for name, client := range clients {
		client.Timeout = patience
		if err := eventually(t.Context(), func(ctx context.Context) error { return once(ctx, w, client) }); err != nil {
			t.Fatalf("%s before any change: %v", name, err)
		}
	}
	asking := w.startLoad(t.Context(), clients)
	began := time.Now()
	for _, happens := range c.steps {
		if err := errors.Join(happens(t.Context(), w), eventually(t.Context(), w.told)); err != nil {
			t.Error(err)
		}
		<-time.After(pause)
	}
	for name, count := range asking.stop() {
		lost, asked = lost+len(count.lost), asked+count.asked
		for _, loss := range count.lost {
			t.Logf("%s, %s after the first change: %s", name, loss.at.Sub(began).Round(time.Millisecond), loss.why)
		}
	}
	return lost, asked
}

// told says which policies have a status of an older generation.
func (w *world) told(ctx context.Context) error {
	var list meshtlsv1alpha1.MeshTLSPolicyList
	if err := w.policies.List(ctx, &list); err != nil {
		return err
	}
	var old error
	for i := range list.Items {
		if p := &list.Items[i]; p.Status.ObservedGeneration != p.Generation {
			old = errors.Join(old, fmt.Errorf("policy %s/%s: the status is of generation %d, the policy of %d", p.Namespace, p.Name, p.Status.ObservedGeneration, p.Generation))
		}
	}
	return old
}

// switches measures how long a change takes: from its write until Ready says it, and until every proxy does it.
func (w *world) switches(t *testing.T) {
	const rounds = 13
	defer w.clear(t)
	var ready, enforced, late []time.Duration
	early := 0
	for range rounds {
		for _, mode := range []string{"Strict", "Permissive", "Disable", "Permissive"} {
			toReady, toEnforced := w.measure(t, mode)
			ready, enforced, late = append(ready, toReady), append(enforced, toEnforced), append(late, toEnforced-toReady)
			if toReady < toEnforced {
				early++
			}
		}
	}
	t.Logf("%d switches: written to Ready %s; written to enforced %s; Ready to enforced %s; Ready before it was enforced: %d",
		len(ready), spread(ready), spread(enforced), spread(late), early)
}

// measure makes a switch, and returns how long it took until Ready and until the last proxy did it.
func (w *world) measure(t *testing.T, mode string) (ready, enforced time.Duration) {
	t.Helper()
	objects, err := mesh.Decode([]byte(accept(shop, "server", "service: server", mode)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := w.Apply(t.Context(), objects...); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.Go(func() error {
		err := eventually(t.Context(), func(ctx context.Context) error { return w.sayReady(ctx, objects, nil) })
		ready = time.Since(began)
		return err
	})
	times := make([]time.Duration, len(witnesses))
	for i, from := range witnesses {
		group.Go(func() (err error) {
			times[i], err = w.witness(t.Context(), from, mode, began)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%s: %v", mode, err)
	}
	return ready, slices.Max(times)
}

// witnesses are clients whose calls show what proxies do: the first what the server's does, the others what their own does, too.
var witnesses = []string{"bare", "client", "sibling", "neighbour"}

// witness returns when a client made the first call that ended as a mode of the server asks.
func (w *world) witness(ctx context.Context, from, mode string, began time.Time) (enforced time.Duration, err error) {
	c := call{from: from, host: serverHost, port: 90, protocol: app.TCP, want: modes[mode].sidecar}
	if from == "bare" {
		c.want = modes[mode].bare
	}
	return enforced, eventually(ctx, func(ctx context.Context) error {
		enforced = time.Since(began)
		brief, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return c.differs(w.make(brief, c))
	})
}

// spread returns the median and the largest of durations.
func spread(durations []time.Duration) string {
	sorted := slices.Sorted(slices.Values(durations))
	return fmt.Sprintf("%s (at most %s)", sorted[len(sorted)/2].Round(time.Millisecond), sorted[len(sorted)-1].Round(time.Millisecond))
}
