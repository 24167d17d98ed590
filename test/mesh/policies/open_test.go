package policies

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

// cut is a change while connections are open.
type cut struct {
	before, after string
	// without are connections that cannot be opened before.
	without []string
	// cuts are the connections that end, when the server's proxy has drained; the others go on.
	cuts map[string]bool
}

// openConnections returns those that a client with a sidecar and one without a proxy hold: to two ports of the server.
func (w *world) openConnections() map[string]mesh.Call {
	return map[string]mesh.Call{
		"mutual TLS to 90": {From: w.pods["client"], Host: serverHost, Port: 90, Protocol: app.TCP},
		"mutual TLS to 91": {From: w.pods["client"], Host: serverHost, Port: 91, Protocol: app.ServerFirst},
		"plaintext to 90":  {From: w.pods["bare"], Host: serverHost, Port: 90, Protocol: app.TCP},
	}
}

// cutsConnections shows what a change cuts and what goes on: Envoy drains the filter chains that are gone, and of some changes all are.
func (w *world) cutsConnections(t *testing.T) {
	workload := func(mode string, ports ...string) string {
		return accept(shop, "server", "service: server", mode, ports...)
	}
	for name, tc := range map[string]cut{
		"a workload's mode cuts every connection to it": {
			before: workload("Permissive"), after: workload("Strict"),
			cuts: map[string]bool{"mutual TLS to 90": true, "mutual TLS to 91": true, "plaintext to 90": true},
		},
		"a port's mode cuts the connections to that port": {
			before: workload("Permissive"), after: workload("Permissive", "{servicePort: tcp, mode: Strict}"),
			cuts: map[string]bool{"mutual TLS to 90": true, "plaintext to 90": true},
		},
		"a workload's mode cuts the connections to ports, too, that keep theirs": {
			before: workload("Permissive", "{servicePort: tcp, mode: Strict}"), after: workload("Strict", "{servicePort: tcp, mode: Strict}"),
			without: []string{"plaintext to 90"}, cuts: map[string]bool{"mutual TLS to 90": true, "mutual TLS to 91": true},
		},
		"the mode of a port without a declared protocol cuts every connection": {
			before: workload("Permissive"), after: workload("Permissive", "{port: 9000, mode: Strict}"),
			cuts: map[string]bool{"mutual TLS to 90": true, "mutual TLS to 91": true, "plaintext to 90": true},
		},
		"a workload that says what its namespace says anyway cuts nothing": {
			before: accept(shop, "namespace", "", "Permissive"), after: workload("Permissive"),
			cuts: map[string]bool{},
		},
		"a namespace's mode cuts nothing of workloads that have their own": {
			before: accept(shop, "namespace", "", "Strict") + workload("Permissive"), after: accept(shop, "namespace", "", "Permissive"),
			cuts: map[string]bool{},
		},
		"what clients send cuts nothing of the server's other clients": {
			before: workload("Permissive"), after: send("server", "selector: {matchLabels: {app: sibling}}", "hosts: ["+serverHost+"], mode: Disable"),
			cuts: map[string]bool{},
		},
	} {
		t.Run(name, func(t *testing.T) { w.hold(t, tc) })
	}
}

// hold opens connections, makes the change, and looks which of them still answer when the proxy has drained.
func (w *world) hold(t *testing.T, tc cut) {
	defer w.clear(t)
	if err := w.apply(t.Context(), tc.before); err != nil {
		t.Fatal(err)
	}
	calls := w.openConnections()
	maps.DeleteFunc(calls, func(name string, _ mesh.Call) bool { return slices.Contains(tc.without, name) })
	for name, c := range calls {
		if err := eventually(t.Context(), func(ctx context.Context) error { return once(ctx, w, brief(c)) }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	<-time.After(drain + holdTime) // what was before is drained, too
	sessions := map[string]*app.Session{}
	for name, c := range calls {
		session, err := w.Open(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(func() { _ = session.Close() })
		sessions[name] = session
		if err := exchange(t.Context(), session); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := w.apply(t.Context(), tc.after); err != nil {
		t.Fatal(err)
	}
	<-time.After(drain + 3*holdTime)
	for name, session := range sessions {
		if err := exchange(t.Context(), session); (err != nil) != tc.cuts[name] {
			t.Errorf("%s: got %v, want that it is cut: %t", name, err, tc.cuts[name])
		}
	}
}

// brief returns a call that does not wait for long.
func brief(c mesh.Call) mesh.Call {
	c.Timeout = patience
	return c
}

// exchange asks once on an open connection.
func exchange(ctx context.Context, session *app.Session) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := session.Exchange(ctx)
	if err == nil && answer.Report.Server == "" {
		err = fmt.Errorf("got %+v", answer)
	}
	return err
}
