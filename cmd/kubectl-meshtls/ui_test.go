package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/internal/source"
)

// opened runs ui until the test ends, and returns the address of its page and the token.
func opened(t *testing.T, args ...string) (address, token string) {
	t.Helper()
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, genericiooptions.IOStreams{In: strings.NewReader(""), Out: in, ErrOut: io.Discard}, append([]string{"ui", "--no-browser"}, args...))
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("the exit code is %d", code)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, code, _ := strings.Cut(strings.TrimSpace(line), "/#code=")
	response, err := http.Post(address+"/api/session", "application/json", strings.NewReader(`{"code":"`+code+`"}`)) // #nosec G107 -- our own server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var given struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&given); err != nil {
		t.Fatal(err)
	}
	return address, given.Token
}

// overview asks until the mesh is one that is wanted.
func overview(t *testing.T, address, token string, wanted func(screens.Overview) bool) screens.Overview {
	t.Helper()
	var seen screens.Overview
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/overview", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		seen = screens.Overview{}
		err = json.NewDecoder(response.Body).Decode(&seen)
		_ = response.Body.Close()
		if err == nil && response.StatusCode == http.StatusOK && wanted(seen) {
			return seen
		}
	}
	t.Fatalf("the mesh is %+v", seen)
	return seen
}

func TestUIShowsFilesAndTheirTraffic(t *testing.T) {
	address, token := opened(t, "-f", "testdata/in/traffic.yaml", "--recording", "testdata/in/recording.json", "--since", "30m")
	seen := overview(t, address, token, func(o screens.Overview) bool { return len(o.Edges) > 0 })
	if !seen.Source.Files || !strings.Contains(seen.Traffic.Source, "testdata/in/recording.json") || len(seen.Workloads) == 0 {
		t.Errorf("the mesh is of %+v, its traffic of %+v, with %d workloads", seen.Source, seen.Traffic, len(seen.Workloads))
	}
}

func TestUIFollowsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mesh.yaml")
	write := func(name string) {
		t.Helper()
		pod := `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: shop}, spec: {containers: [{name: a, image: a}]}}`
		if err := os.WriteFile(path, []byte(pod), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	named := func(name string) func(screens.Overview) bool {
		return func(o screens.Overview) bool { return len(o.Workloads) == 1 && o.Workloads[0].Name == name }
	}
	write("first")
	address, token := opened(t, "-f", path)
	overview(t, address, token, named("first"))
	write("second-one")
	overview(t, address, token, named("second-one"))
}

func TestUITellsOfDocumentsThatAreWrong(t *testing.T) {
	address, token := opened(t, "-f", "testdata/in/bad.yaml")
	seen := overview(t, address, token, func(screens.Overview) bool { return true })
	if len(seen.Problems) == 0 || seen.Problems[0].File != "testdata/in/bad.yaml" {
		t.Errorf("the problems are %+v", seen.Problems)
	}
}

// The fake of the API server finds conflicts only when it writes; the real one in a dry run, too.
func TestPolicyApplier(t *testing.T) {
	existing := func() *meshtlsv1alpha1.MeshTLSPolicy {
		return &meshtlsv1alpha1.MeshTLSPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "catalog", ResourceVersion: "7"}}
	}
	tests := map[string]struct {
		version string
		there   bool
		refuses bool
		writes  []string
		failure func(error) bool
	}{
		"a new policy is created":               {writes: []string{"create dry", "create"}},
		"a new policy that somebody has made":   {there: true, writes: []string{"create dry", "create"}, failure: apierrors.IsAlreadyExists},
		"the policy of the preview is updated":  {there: true, version: "7", writes: []string{"update dry", "update"}},
		"a policy that has changed stays":       {there: true, version: "6", writes: []string{"update dry", "update"}, failure: apierrors.IsConflict},
		"what is not admitted is never written": {there: true, version: "7", refuses: true, writes: []string{"update dry"}, failure: apierrors.IsForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var writes []string
			note := func(verb string, dry []string) error {
				if len(dry) > 0 {
					verb += " dry"
				}
				writes = append(writes, verb)
				if test.refuses {
					return apierrors.NewForbidden(meshtlsv1alpha1.GroupVersion.WithResource("meshtlspolicies").GroupResource(), "catalog", nil)
				}
				return nil
			}
			builder := fake.NewClientBuilder().WithScheme(source.Scheme()).WithInterceptorFuncs(interceptor.Funcs{
				Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
					if err := note("create", (&client.CreateOptions{}).ApplyOptions(options).DryRun); err != nil {
						return err
					}
					return c.Create(ctx, o, options...)
				},
				Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
					if err := note("update", (&client.UpdateOptions{}).ApplyOptions(options).DryRun); err != nil {
						return err
					}
					return c.Update(ctx, o, options...)
				},
			})
			if test.there {
				builder = builder.WithObjects(existing())
			}
			policy := existing()
			policy.ResourceVersion = test.version
			err := policyApplier{builder.Build()}.Apply(t.Context(), policy)
			if (err != nil) != (test.failure != nil) || test.failure != nil && !test.failure(err) {
				t.Errorf("the error is %v", err)
			}
			if got, want := strings.Join(writes, ", "), strings.Join(test.writes, ", "); got != want {
				t.Errorf("writes are %q, want %q", got, want)
			}
		})
	}
}
