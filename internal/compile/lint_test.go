package compile_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/test/worlds"
)

// reviewedAt is when the worlds are looked at.
var reviewedAt = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// meshOf returns the whole mesh of a world, with the snapshots of its namespaces that have policies.
func meshOf(t *testing.T, options source.Options, paths ...string) (model.Inventory, []model.Snapshot) {
	t.Helper()
	return meshIn(t, readerOf(t, options, paths...))
}

func readerOf(t *testing.T, options source.Options, paths ...string) *source.Reader {
	t.Helper()
	reader, err := source.Read(t.Context(), paths, options)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func meshIn(t *testing.T, reader *source.Reader) (model.Inventory, []model.Snapshot) {
	t.Helper()
	mesh, err := gather.Inventory(t.Context(), reader, reviewedAt, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := gather.Snapshots(t.Context(), reader, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mesh, snapshots
}

func written(text string) source.Options { return source.Options{Stdin: strings.NewReader(text)} }

const (
	strictHooks = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: hooks, namespace: shop}
spec: {workload: {service: hooks}, accept: {mode: Strict}}
`
	mutingHooks = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: hooks, namespace: shop, annotations: {security.meshtls.dev/mute: peerauthentication-refuses-scrape}}
spec: {workload: {service: hooks}, accept: {mode: Strict}}
`
	permissiveHooks = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: hooks, namespace: shop}
spec: {workload: {service: hooks}, accept: {mode: Permissive}}
`
	// liveHooks is what an earlier Strict would have left in the cluster.
	liveHooks = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: meshtls-hooks-6ls57yl4hzjluojk, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z", labels: {app.kubernetes.io/managed-by: meshtls}}
spec: {selector: {matchLabels: {app: hooks}}, mtls: {mode: STRICT}}
`
	theirHooks = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: meshtls-hooks-6ls57yl4hzjluojk, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {selector: {matchLabels: {app: hooks}}, mtls: {mode: STRICT}}
`
	scrapedHooks = `
---
apiVersion: v1
kind: Service
metadata: {name: hooks, namespace: shop}
spec: {selector: {app: hooks}, ports: [{name: https, port: 443, targetPort: 9443}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: hooks-1
  namespace: shop
  labels: {app: hooks}
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9443", prometheus.istio.io/merge-metrics: "false"}
spec: {containers: [{name: app, image: example/app}, {name: istio-proxy, image: example/proxy}]}
`
	// redirecting sends clients to where no server is. A snapshot cannot tell that none is.
	redirecting = `
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: web, namespace: edge}
spec:
  gateway: {selector: {matchLabels: {istio: ingressgateway}}}
  plaintext: [{port: 80, hosts: [shop.example.com], redirectToHTTPS: true}]
---
apiVersion: v1
kind: Pod
metadata: {name: ingressgateway-1, namespace: edge, labels: {istio: ingressgateway}}
spec: {containers: [{name: istio-proxy, image: example/proxy}]}
`
	theirRule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: partner, namespace: bank}
spec: {host: api.example, trafficPolicy: {tls: {sni: api.example}}}
`
)

func TestLint(t *testing.T) {
	tests := map[string]struct {
		world string
		// wantPolicies are the findings of the policies, wantOthers those about other objects.
		wantPolicies, wantOthers []string
	}{
		"what is found in a rendered object goes to its policy, once": {
			world:        strictHooks + scrapedHooks,
			wantPolicies: []string{"shop/hooks spec.accept: peerauthentication-refuses-scrape"},
		},
		"as it does while the object is there": {
			world:        strictHooks + liveHooks + scrapedHooks,
			wantPolicies: []string{"shop/hooks spec.accept: peerauthentication-refuses-scrape"},
		},
		"a policy that mutes it does not hear of it":          {world: mutingHooks + scrapedHooks},
		"what is live and will be changed is not spoken of":   {world: permissiveHooks + liveHooks + scrapedHooks},
		"a fault of somebody else is told of his object":      {world: permissiveHooks + theirRule + scrapedHooks, wantOthers: []string{"DestinationRule bank/partner: destinationrule-tls-without-mode"}},
		"policies are not needed":                             {world: theirRule, wantOthers: []string{"DestinationRule bank/partner: destinationrule-tls-without-mode"}},
		"the whole mesh shows what a snapshot cannot":         {world: redirecting, wantPolicies: []string{"edge/web spec.plaintext[0]: gateway-redirect-leads-nowhere"}},
		"what has the name of ours and is not is not ours":    {world: strictHooks + theirHooks + scrapedHooks, wantOthers: []string{"PeerAuthentication shop/meshtls-hooks-6ls57yl4hzjluojk: peerauthentication-refuses-scrape"}},
		"what is ours where there are no policies stays ours": {world: liveHooks + scrapedHooks, wantOthers: []string{"PeerAuthentication shop/meshtls-hooks-6ls57yl4hzjluojk: peerauthentication-refuses-scrape"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mesh, snapshots := meshOf(t, written(tc.world), source.Stdin)
			review := compile.Lint(mesh, snapshots)
			if diff := cmp.Diff(tc.wantPolicies, ofPolicies(review.Results)); diff != "" {
				t.Errorf("findings of policies (-want +got):\n%s", diff)
			}
			var others []string
			for _, f := range review.Findings {
				others = append(others, f.Subject.String()+": "+f.Check)
			}
			if diff := cmp.Diff(tc.wantOthers, others); diff != "" {
				t.Errorf("other findings (-want +got):\n%s", diff)
			}
		})
	}
}

func ofPolicies(results []model.Result) []string {
	var found []string
	for _, result := range results {
		for _, outcome := range result.Policies {
			for _, f := range outcome.Findings {
				found = append(found, outcome.Policy.String()+" "+f.Field+": "+f.Check)
			}
		}
	}
	return found
}

// TestWhatACompileFindsLintFinds: where a compile, which sees a part of the mesh, finds a fault in an object that it renders, the whole
// mesh, with the objects of this namespace alone, shows that one or a graver one. The part may not show what the whole does, such as pods
// of other namespaces.
func TestWhatACompileFindsLintFinds(t *testing.T) {
	found := 0
	for _, name := range pairs(t) {
		mesh, snapshots := meshOf(t, source.Options{}, name+inputSuffix)
		found += compareFindings(t, name, mesh, snapshots)
	}
	if found == 0 {
		t.Error("lint finds nothing in the objects of any world")
	}
	for seed := range uint64(seededWorlds) {
		mesh, snapshots := meshOfSeed(t, seed)
		compareFindings(t, fmt.Sprintf("world %d", seed), mesh, snapshots)
	}
}

// compareFindings returns how many findings of lint the compiles have.
func compareFindings(t *testing.T, world string, mesh model.Inventory, snapshots []model.Snapshot) int {
	t.Helper()
	var reviewed, compiled []model.Result
	for _, snapshot := range snapshots {
		reviewed = append(reviewed, compile.Lint(mesh, []model.Snapshot{snapshot}).Results...)
		compiled = append(compiled, compile.Compile(snapshot))
	}
	whole := gravest(reviewed)
	part := gravest(compiled)
	for at, severity := range part {
		if in, shown := whole[at]; !shown || in == meshtlsv1alpha1.SeverityWarning && severity == meshtlsv1alpha1.SeverityError {
			t.Errorf("%s: a compile finds an %s in %s; in the whole mesh it is %q", world, severity, at, in)
		}
	}
	return len(part)
}

// gravest returns the severities of what lint finds, by policy and place in an object.
func gravest(results []model.Result) map[string]meshtlsv1alpha1.Severity {
	checks := sets.New[string]()
	for _, check := range all.Checks() {
		checks.Insert(check.Name)
	}
	at := map[string]meshtlsv1alpha1.Severity{}
	for _, result := range results {
		for _, outcome := range result.Policies {
			for _, f := range outcome.Findings {
				place, _, _ := strings.Cut(f.Message, ": ")
				place = outcome.Policy.String() + ": " + place
				if checks.Has(f.Check) && at[place] != meshtlsv1alpha1.SeverityError {
					at[place] = f.Severity
				}
			}
		}
	}
	return at
}

func meshOfSeed(t *testing.T, seed uint64) (model.Inventory, []model.Snapshot) {
	t.Helper()
	return meshIn(t, readerOfSeed(t, seed))
}

func readerOfSeed(t *testing.T, seed uint64) *source.Reader {
	t.Helper()
	cluster, policies := worlds.Random(seed)
	stream, err := worlds.YAML(append(cluster, admittedOnly(t, policies)...))
	if err != nil {
		t.Fatal(err)
	}
	return readerOf(t, source.Options{Stdin: bytes.NewReader(stream)}, source.Stdin)
}
