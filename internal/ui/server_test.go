package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/test/manifests"
)

// mesh has a workload with a policy, and names that a page must not take for markup.
const mesh = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: catalog, namespace: shop}
spec:
  selector: {matchLabels: {app: catalog}}
  template:
    metadata: {labels: {app: catalog}}
    spec:
      containers:
      - {name: catalog, image: catalog, ports: [{name: http, containerPort: 8080}]}
      - {name: istio-proxy, image: auto}
---
apiVersion: v1
kind: Service
metadata: {name: catalog, namespace: shop}
spec: {selector: {app: catalog}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: catalog, namespace: shop, resourceVersion: "7"}
spec: {workload: {service: catalog}, accept: {mode: Permissive}}
`

// fixed is a mesh that the test decides on.
type fixed struct {
	world   screens.World
	err     error
	changed chan func()
}

func (f *fixed) Read(context.Context) (screens.World, error) { return f.world, f.err }

func (f *fixed) Watch(ctx context.Context, changed func()) {
	select {
	case f.changed <- changed:
	case <-ctx.Done():
	}
}

// worldOf reads manifests.
func worldOf(t *testing.T, documents string) screens.World {
	t.Helper()
	read := manifests.Read(t, time.Now(), documents)
	return screens.World{
		Inventory: read.Inventory, Policies: read.Policies, Report: report.New(nil, read.Reader.Place), Source: screens.Source{Name: "test"},
	}
}

// refusing is an Applier that notes what it is asked for.
type refusing struct {
	err     error
	applied []*meshtlsv1alpha1.MeshTLSPolicy
}

func (r *refusing) Apply(_ context.Context, policy *meshtlsv1alpha1.MeshTLSPolicy) error {
	r.applied = append(r.applied, policy)
	return r.err
}

// started serves the page until the test ends.
func started(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Source == nil {
		o.Source = &fixed{world: worldOf(t, mesh), changed: make(chan func(), 1)}
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return s
}

// call asks the server, and returns the status and the body.
func call(t *testing.T, s *Server, method, path string, body any, header map[string]string) (status int, answered string) {
	t.Helper()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host()+path, &sent)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Security-Policy"); got != contentPolicy {
		t.Errorf("%s %s: Content-Security-Policy is %q", method, path, got)
	}
	return response.StatusCode, string(content)
}

// token opens the session.
func token(t *testing.T, s *Server) map[string]string {
	t.Helper()
	_, code, _ := strings.Cut(s.Address(), "#code=")
	status, body := call(t, s, http.MethodPost, "/api/session", map[string]string{"code": code}, nil)
	var given struct{ Token string }
	if err := json.Unmarshal([]byte(body), &given); err != nil || status != http.StatusOK || given.Token == "" {
		t.Fatalf("opening the session: %d %s", status, body)
	}
	return map[string]string{"Authorization": "Bearer " + given.Token}
}

// ready waits until the mesh was read.
func ready(t *testing.T, s *Server, header map[string]string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if status, body := call(t, s, http.MethodGet, "/api/overview", nil, header); status != http.StatusServiceUnavailable {
			return body
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the mesh was not read")
	return ""
}

func with(header map[string]string, more ...string) map[string]string {
	all := map[string]string{}
	for name, value := range header {
		all[name] = value
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestForgedRequestsAreRefused(t *testing.T) {
	s := started(t, Options{Applier: &refusing{}})
	own := token(t, s)
	ready(t, s, own)
	foreignPort := "127.0.0.1:1"
	tests := map[string]struct {
		method, path string
		header       map[string]string
		want         int
	}{
		"the page itself":                              {path: "/", want: 200},
		"the page, from a link in a terminal":          {path: "/", header: map[string]string{"Sec-Fetch-Site": "none"}, want: 200},
		"the page under a rebound name":                {path: "/", header: map[string]string{"Host": "evil.example"}, want: 421},
		"a script under a rebound name":                {path: "/page.js", header: map[string]string{"Host": "evil.example:80"}, want: 421},
		"the page as localhost":                        {path: "/", header: map[string]string{"Host": "localhost"}, want: 421},
		"the page at another port":                     {path: "/", header: map[string]string{"Host": foreignPort}, want: 421},
		"a path that is no file":                       {path: "/server.go", header: own, want: 404},
		"the mesh with the token":                      {path: "/api/overview", header: own, want: 200},
		"the mesh without a token":                     {path: "/api/overview", want: 401},
		"the mesh with another user's token":           {path: "/api/overview", header: map[string]string{"Authorization": "Bearer " + "A"}, want: 401},
		"the mesh with a token that is no bearer's":    {path: "/api/overview", header: map[string]string{"Authorization": strings.TrimPrefix(own["Authorization"], "Bearer ")}, want: 401},
		"the mesh with the token under a rebound name": {path: "/api/overview", header: with(own, "Host", "evil.example"), want: 421},
		"the rebound name as host and origin":          {path: "/api/overview", header: with(own, "Host", "evil.example", "Origin", "http://evil.example"), want: 421},
		"the mesh for another site":                    {path: "/api/overview", header: with(own, "Origin", "http://evil.example"), want: 403},
		"the mesh for the same host's other port":      {path: "/api/overview", header: with(own, "Origin", "http://"+foreignPort), want: 403},
		"the mesh for a sandboxed frame":               {path: "/api/overview", header: with(own, "Origin", "null"), want: 403},
		"the mesh across sites without an origin":      {path: "/api/overview", header: with(own, "Sec-Fetch-Site", "cross-site"), want: 403},
		"the mesh from the same site's other page":     {path: "/api/overview", header: with(own, "Sec-Fetch-Site", "same-site"), want: 403},
		"a script of this page in another":             {path: "/page.js", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, want: 403},
		"the page's own request":                       {path: "/api/overview", header: with(own, "Origin", "http://"+s.host(), "Sec-Fetch-Site", "same-origin"), want: 200},
		"applying without a token":                     {method: http.MethodPost, path: "/api/apply", want: 401},
		"applying for another site":                    {method: http.MethodPost, path: "/api/apply", header: with(own, "Origin", "https://evil.example"), want: 403},
		"applying by a link":                           {path: "/api/apply", header: own, want: 405},
		"the code of the session for a second time":    {method: http.MethodPost, path: "/api/session", want: 401},
		"the events without a token":                   {path: "/api/events", want: 401},
	}
	_, code, _ := strings.Cut(s.Address(), "#code=")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodGet
			}
			if status, body := call(t, s, test.method, test.path, map[string]string{"code": code}, test.header); status != test.want {
				t.Errorf("answered %d %s, want %d", status, body, test.want)
			}
		})
	}
}

func TestServesTheLoopbackAddressOnly(t *testing.T) {
	s := started(t, Options{})
	host, _, err := net.SplitHostPort(s.host())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("the page is served at %s", s.host())
	}
}

func TestARequestIsBounded(t *testing.T) {
	s := started(t, Options{})
	own := token(t, s)
	ready(t, s, own)
	status, _ := call(t, s, http.MethodPost, "/api/preview", screens.Change{Name: strings.Repeat("x", 2*mostBody)}, own)
	if status != http.StatusBadRequest {
		t.Errorf("a request of 2 MiB is answered with %d", status)
	}
}

func TestAnUnchangedMeshIsNotSentAgain(t *testing.T) {
	s := started(t, Options{})
	own := token(t, s)
	ready(t, s, own)
	_, etag, _ := s.hub.state()
	if status, body := call(t, s, http.MethodGet, "/api/overview", nil, with(own, "If-None-Match", etag)); status != 304 || body != "" {
		t.Errorf("answered %d %q, want 304", status, body)
	}
}

func TestAnOpenTabIsToldOfChanges(t *testing.T) {
	mesh := &fixed{world: worldOf(t, mesh), changed: make(chan func(), 1)}
	s := started(t, Options{Source: mesh})
	own := token(t, s)
	ready(t, s, own)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.host()+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", own["Authorization"])
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	events := json.NewDecoder(&stripped{response.Body})
	var first, second event
	if err := events.Decode(&first); err != nil || first.ETag == "" {
		t.Fatalf("the first event is %+v, %v", first, err)
	}
	mesh.err = errors.New("the context is gone")
	(<-mesh.changed)()
	if err := events.Decode(&second); err != nil || second.Problem != "the context is gone" || second.ETag != first.ETag {
		t.Errorf("the second event is %+v, %v: want the problem, and the mesh as it was", second, err)
	}
}

// stripped reads the data of server-sent events.
type stripped struct{ from io.Reader }

func (s *stripped) Read(into []byte) (int, error) {
	n, err := s.from.Read(into)
	kept := bytes.ReplaceAll(into[:n], []byte("data: "), nil)
	return copy(into, kept), err
}

func TestApply(t *testing.T) {
	stale := apierrors.NewConflict(schema.GroupResource{Resource: "meshtlspolicies"}, "catalog", errors.New("stale"))
	strict := screens.Change{Namespace: "shop", Name: "catalog", Mode: meshtlsv1alpha1.AcceptStrict}
	rollout, unknown, loose := strict, strict, strict
	rollout.Way, unknown.Way, loose.Way = screens.WayRollout, "Someday", screens.WayRollout
	loose.Mode = meshtlsv1alpha1.AcceptPermissive
	tests := map[string]struct {
		applier *refusing
		managed string
		match   string
		change  any
		want    int
		applied meshtlsv1alpha1.AcceptMode
		rollout bool
	}{
		"without the flag nothing is applied":    {match: "7", change: strict, want: 403},
		"the policy of the preview is applied":   {applier: &refusing{}, match: "7", change: strict, want: 200, applied: meshtlsv1alpha1.AcceptStrict},
		"another version than the preview's":     {applier: &refusing{}, match: "6", change: strict, want: 409},
		"no version":                             {applier: &refusing{}, change: strict, want: 409},
		"a version that is stale in the cluster": {applier: &refusing{err: stale}, match: "7", change: strict, want: 409, applied: meshtlsv1alpha1.AcceptStrict},
		"a policy that Argo CD manages":          {applier: &refusing{}, managed: "argocd.argoproj.io/instance", match: "7", change: strict, want: 403},
		"what the API server does not admit":     {applier: &refusing{err: errors.New("no")}, match: "7", change: strict, want: 422, applied: meshtlsv1alpha1.AcceptStrict},
		"a workload that is gone":                {applier: &refusing{}, change: screens.Change{Namespace: "shop", Name: "gone"}, want: 404},
		"a mode that no policy knows":            {applier: &refusing{}, change: screens.Change{Namespace: "shop", Name: "catalog", Mode: "Open"}, want: 400},
		"Strict by way of a rollout":             {applier: &refusing{}, match: "7", change: rollout, want: 200, applied: meshtlsv1alpha1.AcceptStrict, rollout: true},
		"a way to Strict that nobody knows":      {applier: &refusing{}, match: "7", change: unknown, want: 400},
		"a rollout to another mode":              {applier: &refusing{}, match: "7", change: loose, want: 400},
		"a document in place of a change":        {applier: &refusing{}, change: map[string]any{"kind": "ClusterRoleBinding"}, want: 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			world := worldOf(t, mesh)
			if test.managed != "" {
				world.Policies[0].Labels = map[string]string{test.managed: "shop"}
			}
			options := Options{Source: &fixed{world: world, changed: make(chan func(), 1)}}
			if test.applier != nil {
				options.Applier = test.applier
			}
			s := started(t, options)
			own := token(t, s)
			ready(t, s, own)
			header := own
			if test.match != "" {
				header = with(own, "If-Match", test.match)
			}
			status, body := call(t, s, http.MethodPost, "/api/apply", test.change, header)
			if status != test.want {
				t.Errorf("answered %d %s, want %d", status, body, test.want)
			}
			var applied meshtlsv1alpha1.Accept
			if test.applier != nil && len(test.applier.applied) > 0 {
				applied = *test.applier.applied[0].Spec.Accept
			}
			if applied.Mode != test.applied || (applied.Rollout != nil) != test.rollout {
				t.Errorf("applied %+v, want %q, by way of a rollout: %v", applied, test.applied, test.rollout)
			}
		})
	}
}

func TestAMeshThatCannotBeReadIsTold(t *testing.T) {
	s := started(t, Options{Source: &fixed{err: errors.New("connecting to the cluster: refused"), changed: make(chan func(), 1)}})
	if body := ready(t, s, token(t, s)); !strings.Contains(body, "connecting to the cluster: refused") {
		t.Errorf("answered %s", body)
	}
}

func TestAServerThatNobodyUsesEnds(t *testing.T) {
	s, err := Listen(Options{Source: &fixed{err: errors.New("none"), changed: make(chan func(), 1)}, Idle: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context()) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}

func TestThePageHasNothingInline(t *testing.T) {
	files, err := pageFiles()
	if err != nil {
		t.Fatal(err)
	}
	index := string(files["/"].content)
	for _, inline := range []string{"<style", "style=", "javascript:", "onload", "http://", "https://"} {
		if strings.Contains(index, inline) {
			t.Errorf("the page has %q, which its policy refuses", inline)
		}
	}
	if !strings.Contains(index, `src="/page.js"`) || len(files["/page.js"].content) == 0 {
		t.Error("the page has no script: run make ui")
	}
	total := 0
	for _, f := range files {
		total += len(f.content)
	}
	if most := 150 << 10; total > most {
		t.Errorf("the page has %d bytes, more than %d", total, most)
	}
}
