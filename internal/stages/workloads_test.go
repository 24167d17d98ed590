package stages_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/stages"
)

// bazaar is a namespace with a policy for all, and four workloads: front has a Service, payments and old have labels of their own, and
// odd has none that old has not.
const bazaar = `
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {role: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: shop, labels: {app: front, role: web, pod-template-hash: abc}}
spec: {containers: [{name: app, image: a, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: p}]}
---
apiVersion: v1
kind: Pod
metadata: {name: payments, namespace: shop, labels: {app: payments, version: v1}}
spec: {containers: [{name: app, image: a, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: p}]}
---
apiVersion: v1
kind: Pod
metadata: {name: old, namespace: shop, labels: {app: old, run: once}}
spec: {containers: [{name: app, image: a, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: p}]}
---
apiVersion: v1
kind: Pod
metadata: {name: odd, namespace: shop, labels: {run: once}}
spec: {containers: [{name: app, image: a, ports: [{containerPort: 8080}]}, {name: istio-proxy, image: p}]}
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: all, namespace: shop, uid: "1", generation: 1}
spec: {accept: {mode: Strict, rollout: {observe: 168h, order: PerWorkload, onRefusal: Undo}}}
`

var everybody = []string{"front", "odd", "old", "payments"}

// seesWorkloads returns what the source says from now on: of calls with mutual TLS to the one list of workloads, and of others.
func (w *world) seesWorkloads(well []string, refusable ...string) {
	o := evidence.Observation{Source: "Prometheus", Outcome: evidence.Clean, Window: evidence.Window{From: noon.Add(-1000 * time.Hour)}}
	for _, name := range well {
		c := mutual(8080)
		c.Server = evidence.Workload{Namespace: "shop", Name: name}
		o.Mutual = append(o.Mutual, c)
	}
	for _, name := range refusable {
		c := without(w.now)
		c.Server = evidence.Workload{Namespace: "shop", Name: name}
		o.Refusable, o.Outcome = append(o.Refusable, c), evidence.Found
	}
	w.answer = &stages.Answer{Observation: o, Targets: []evidence.Target{{Namespace: "shop", Workloads: everybody}}}
}

// inForce returns what is written: the mode of the namespace, and the selectors of the workloads that are Strict.
func (w *world) inForce() string {
	var words []string
	for _, pa := range w.snapshot.PeerAuthentications {
		labels := pa.Spec.GetSelector().GetMatchLabels()
		if len(labels) == 0 {
			words = append(words, "namespace "+pa.Spec.GetMtls().GetMode().String())
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(labels)) {
			words = append(words, fmt.Sprintf("%s=%s %s", key, labels[key], pa.Spec.GetMtls().GetMode()))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// TestPerWorkload takes a namespace to Strict workload by workload.
func TestPerWorkload(t *testing.T) {
	t.Parallel()
	w := worldOf(t, bazaar)
	lose := func() { w.snapshot.Policies[0].Status.Rollout = nil }
	for i, s := range []struct {
		after  time.Duration
		before func()
		want   string
	}{
		{before: func() { w.seesWorkloads([]string{"front", "payments", "odd"}, "old") }, want: "Blocked: namespace PERMISSIVE"},
		{after: 169 * time.Hour, before: func() { w.seesWorkloads([]string{"front", "payments", "odd"}, "old") }, want: "Blocked: namespace PERMISSIVE"},
		{after: 2 * time.Minute, want: "Blocked: namespace PERMISSIVE, role=web STRICT"},
		{after: time.Minute, want: "Blocked: namespace PERMISSIVE, role=web STRICT"},
		{after: time.Minute, want: "Blocked: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{after: 2 * time.Minute, want: "Blocked: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{before: lose, want: "Observing: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{before: func() { w.seesWorkloads([]string{"odd", "old"}) }, want: "Observing: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{after: 169 * time.Hour, want: "Switching: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{after: 2 * time.Minute, want: "Switching: app=old STRICT, app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
		{after: 2 * time.Minute, want: "Probation: namespace STRICT"},
		{before: func() { w.answer.Refused = evidence.Refusals{Visible: true, Count: 1} }, after: time.Minute, want: "Undone: namespace STRICT"},
		{want: "Undone: app=payments STRICT, namespace PERMISSIVE, role=web STRICT"},
	} {
		w.now = w.now.Add(s.after)
		if s.before != nil {
			s.before()
		}
		status := w.pass(0)
		if got := string(status.Phase) + ": " + w.inForce(); got != s.want {
			t.Fatalf("step %d: got %s, want %s; %s", i, got, s.want, status.Message)
		}
	}
}

// TestWorkloadIsNotPromoted is about workloads that wait for the others.
func TestWorkloadIsNotPromoted(t *testing.T) {
	t.Parallel()
	const narrower = `
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: front, namespace: shop, uid: "2", generation: 1}
spec: {workload: {service: front}, accept: {mode: Permissive}}
`
	tests := map[string]struct {
		change func(string) string
		well   []string
		want   string
	}{
		"nobody called it":                     {well: []string{"front"}, want: "namespace PERMISSIVE, role=web STRICT"},
		"no labels tell it from others":        {well: []string{"odd"}, want: "namespace PERMISSIVE"},
		"a narrower policy says what it takes": {change: func(s string) string { return s + narrower }, well: []string{"front"}, want: "namespace PERMISSIVE, role=web PERMISSIVE"},
		"the order is Together":                {change: func(s string) string { return strings.Replace(s, "order: PerWorkload, ", "", 1) }, well: []string{"front"}, want: "namespace PERMISSIVE"},
		"somebody has to approve": {
			change: func(s string) string { return strings.Replace(s, "order: ", "gate: Manual, order: ", 1) }, well: []string{"front"}, want: "namespace PERMISSIVE",
		},
		"who is expected has not called": {
			change: func(s string) string {
				return strings.Replace(s, "order: ", "expectClients: [{namespace: a, workload: b}], order: ", 1)
			}, well: []string{"front"}, want: "namespace PERMISSIVE",
		},
		"who is expected has called": {
			change: func(s string) string {
				return strings.Replace(s, "order: ", "expectClients: [{namespace: shop, workload: cart}], order: ", 1)
			}, well: []string{"odd"}, want: "app=payments STRICT, namespace PERMISSIVE, role=web STRICT",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := bazaar
			if tc.change != nil {
				text = tc.change(bazaar)
			}
			w := worldOf(t, text)
			w.seesWorkloads(tc.well, "old")
			w.pass(0)
			for _, after := range []time.Duration{0, 169 * time.Hour, 2 * time.Minute, 2 * time.Minute, 2 * time.Minute} {
				w.now = w.now.Add(after)
				w.seesWorkloads(tc.well, "old")
				w.pass(0)
			}
			if got := w.inForce(); got != tc.want {
				t.Errorf("got %s, want %s; %s", got, tc.want, w.snapshot.Policies[0].Status.Rollout.Message)
			}
		})
	}
}
