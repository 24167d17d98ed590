package policies

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
	"github.com/meshtls/meshtls/test/agreement"
	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/worlds"
)

const (
	// variableWorlds is the number of random worlds, and variableFirst the seed of the first.
	variableWorlds, variableFirst = "PACKET_WORLDS", "PACKET_FIRST"
	defaultWorlds                 = 20
)

// randomWorlds are random worlds on one mesh, one after the other, with what was counted in them.
type randomWorlds struct {
	*world

	everything client.Client
	running    map[string]*mesh.Running
	// client is what clients outside the mesh show to gateways.
	client tls.Certificate
	tally
}

// tally counts what was looked at.
type tally struct {
	worlds, calls, asked, ready int
	// missed counts the calls that were answered and that nobody saw on the wire.
	missed            int
	outcomes, leftOut map[string]int
	// promises are those that Ready policies have made.
	promises map[agreement.Kind]int
	// noticed counts the worlds in which packets contradict a model that is broken on purpose, by how.
	noticed map[string]int
}

// TestRandomWorlds draws worlds, and has every client call every server on every port. Packets do what explain says, and nothing else
// than what a policy asks that is Ready.
func TestRandomWorlds(t *testing.T) {
	if testing.Short() {
		t.Skip("random worlds take minutes")
	}
	r := startRandom(t)
	first, count := worlds.Setting(t, variableFirst, 0), worlds.Setting(t, variableWorlds, defaultWorlds)
	for seed := first; seed < first+count; seed++ {
		t.Run("seed="+strconv.FormatUint(seed, 10), func(t *testing.T) { r.judge(t, seed) })
	}
	t.Logf("%d worlds, %d policies, %d Ready, promises: %v; %d calls: %v (nobody saw %d); noticed: %v; left out: %v",
		r.worlds, r.asked, r.ready, r.promises, r.calls, r.outcomes, r.missed, r.noticed, r.leftOut)
	r.demandWeight(t)
}

// startRandom starts a mesh with the pods of random worlds.
func startRandom(t *testing.T) *randomWorlds {
	t.Helper()
	r := &randomWorlds{world: startEmpty(t), running: map[string]*mesh.Running{}, tally: tally{
		outcomes: map[string]int{}, leftOut: map[string]int{}, promises: map[agreement.Kind]int{}, noticed: map[string]int{},
	}}
	pods, err := r.Run(t.Context(), randomPods...)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		r.running[pod.String()] = pod
	}
	if r.everything, err = client.New(r.Plane.Config, client.Options{Scheme: source.Scheme()}); err != nil {
		t.Fatal(err)
	}
	if err := r.equip(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// judge brings the world of a seed, judges it, and removes it.
func (r *randomWorlds) judge(t *testing.T, seed uint64) {
	drawn := drawn(seed, r.running["outside/partner"].IP)
	defer r.clearDrawn(t, drawn)
	if err := drawn.bring(t.Context(), r.everything); err != nil {
		t.Fatal(err)
	}
	for reason, n := range drawn.leftOut {
		r.leftOut[reason] += n
	}
	if err := errors.Join(eventually(t.Context(), r.told), r.quiet(t.Context()), r.inForce(t.Context())); err != nil {
		t.Fatal(err)
	}
	seen, err := r.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.worlds++
	r.compareReady(t, seen)
	for _, broken := range seen.Broken(r.promises) {
		t.Errorf("a policy is Ready, and packets do what explain says: %s", broken)
	}
	calls := r.callsIn(seen, drawn)
	r.makeAll(t, calls)
	r.breakModel(t, seen, drawn, calls)
}

// look returns the mesh as it is, with what explain says of it.
func (r *randomWorlds) look(ctx context.Context) (agreement.World, error) {
	reader, err := source.Load(ctx, r.everything, source.LoadOptions{Credentials: true})
	if err != nil {
		return agreement.World{}, err
	}
	return agreement.Of(ctx, reader, time.Now())
}

// quiet waits until nothing has been written for as long as proxies take to do what is written.
func (r *randomWorlds) quiet(ctx context.Context) error {
	var last map[string]string
	since := time.Now()
	return eventually(ctx, func(ctx context.Context) error {
		versions, err := r.versions(ctx)
		if err != nil {
			return err
		}
		if !maps.Equal(versions, last) {
			last, since = versions, time.Now()
		}
		if time.Since(since) < holdTime {
			return errors.New("objects are still written")
		}
		return nil
	})
}

// versions returns those of the policies, and of what is written for them.
func (r *randomWorlds) versions(ctx context.Context) (map[string]string, error) {
	versions := map[string]string{}
	for _, kind := range kinds {
		list, err := r.list(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			versions[kind.Kind+" "+client.ObjectKeyFromObject(&o).String()] = o.GetResourceVersion()
		}
	}
	return versions, nil
}

// list returns the objects of a kind.
func (r *randomWorlds) list(ctx context.Context, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	err := r.Client.List(ctx, list)
	return list.Items, err
}

// compareReady compares what policies say with what they would say of the mesh as it is.
func (r *randomWorlds) compareReady(t *testing.T, seen agreement.World) {
	t.Helper()
	should := seen.Ready()
	for _, p := range seen.Policies {
		says := apimeta.IsStatusConditionTrue(p.Status.Conditions, meshtlsv1alpha1.ConditionReady)
		r.asked++
		if says {
			r.ready++
		}
		if key := client.ObjectKeyFromObject(p); says != should[key] {
			t.Errorf("policy %s: Ready is %t, and %t of the mesh as it is: %+v", key, says, should[key],
				apimeta.FindStatusCondition(p.Status.Conditions, meshtlsv1alpha1.ConditionReady))
		}
	}
}

// clearDrawn deletes a world, and waits until what was written for it is gone, too.
func (r *randomWorlds) clearDrawn(t *testing.T, drawn carrying) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, o := range drawn.objects {
		if err := client.IgnoreNotFound(r.everything.Delete(ctx, verbatim.Of(o))); err != nil {
			t.Fatal(err)
		}
	}
	r.clear(t)
}

// demandWeight fails a run that would prove little.
func (c *tally) demandWeight(t *testing.T) {
	t.Helper()
	if c.worlds < defaultWorlds {
		return
	}
	for _, outcome := range []mesh.Outcome{mesh.Refused, mesh.Plaintext, mesh.TLS, mesh.MutualTLS} {
		if least := c.calls / 100; c.outcomes[string(outcome)] < least {
			t.Errorf("only %d of %d calls end as %s, want %d", c.outcomes[string(outcome)], c.calls, outcome, least)
		}
	}
	if c.missed*100 > c.calls {
		t.Errorf("nobody saw %d of %d calls on the wire", c.missed, c.calls)
	}
	if c.ready*10 < c.asked {
		t.Errorf("only %d of %d policies are Ready", c.ready, c.asked)
	}
	for _, name := range slices.Sorted(maps.Keys(mutants)) {
		if least := c.worlds / 5; c.noticed[name] < least {
			t.Errorf("%q was noticed in %d of %d worlds, want %d", name, c.noticed[name], c.worlds, least)
		}
	}
}

// equip gives the pods what policies name: certificates as files and as Secrets.
func (r *randomWorlds) equip(ctx context.Context) error {
	own, err := r.Authority.Issue("client.partner.example")
	if err != nil {
		return err
	}
	if r.client, err = own.Load(); err != nil {
		return fmt.Errorf("loading the client certificate: %w", err)
	}
	none, err := r.Authority.Revoke()
	if err != nil {
		return err
	}
	for _, pod := range r.running {
		for path, content := range map[string][]byte{
			"/etc/certs/ca.pem": r.Authority.PEM(), "/etc/certs/crl.pem": none, "/etc/certs/cert.pem": own.Certificate, "/etc/certs/key.pem": own.Key,
		} {
			err = errors.Join(err, pod.Inside.Write(path, content))
		}
	}
	for _, namespace := range []string{shop, bank} {
		for _, name := range []string{"client", "cert", "clients-cacert", "theirs"} {
			secret := own.Secret(namespace, name)
			secret.Data["ca.crt"] = r.Authority.PEM()
			if err := r.Client.Create(ctx, secret); err != nil {
				return fmt.Errorf("creating Secret %s/%s: %w", namespace, name, err)
			}
		}
	}
	return r.ApplyYAML(ctx, inAllWorlds)
}

// inAllWorlds lets the pods' service accounts read Secrets, so that their proxies are given them. Istiod asks about the account alone, not
// about its groups. A Service leads to ports of the gateway that it may open.
const inAllWorlds = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: read-secrets}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: read-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: read-secrets}
subjects:
- {kind: ServiceAccount, namespace: shop, name: a}
- {kind: ServiceAccount, namespace: shop, name: b}
- {kind: ServiceAccount, namespace: bank, name: a}
- {kind: ServiceAccount, namespace: bank, name: b}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: ingress}
spec:
  selector: {istio: ingressgateway}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 10443}]
`
