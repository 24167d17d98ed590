package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/meshtls/meshtls/internal/source"
)

// pageless is a cluster that answers lists whole, as a fake does.
type pageless struct{ client.Client }

func (p pageless) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	return p.Client.List(ctx, into, client.InNamespace(asked.Namespace))
}

// clusterOf returns a cluster with the objects of the files.
func clusterOf(t *testing.T, files ...string) client.Client {
	t.Helper()
	reader, err := source.Read(t.Context(), files, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return pageless{fake.NewClientBuilder().WithScheme(source.Scheme()).WithObjects(reader.Objects()...).Build()}
}

// callOn runs the command against the cluster.
func callOn(t *testing.T, cluster client.Client, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}
	objects := newInput(streams)
	objects.connected = cluster
	root := newRootOf(streams, objects)
	root.SetArgs(args)
	code = exitCode(root.ExecuteContext(t.Context()), &errOut)
	return out.String(), errOut.String(), code
}

// TestGoldenOnCluster runs commands over files that are laid on the cluster of testdata/in/cluster.yaml, as TestGolden does without one.
func TestGoldenOnCluster(t *testing.T) {
	tests := map[string]struct {
		args string
		want int
	}{
		"lint/with-cluster":         {args: "lint -f testdata/in/one-policy.yaml --with-cluster", want: exitFindings},
		"lint/with-cluster-all":     {args: "lint -f testdata/in/one-policy.yaml --with-cluster -A", want: exitFindings},
		"status/with-cluster":       {args: "status -f testdata/in/one-policy.yaml --with-cluster", want: exitFindings},
		"render/with-cluster":       {args: "render -f testdata/in/one-policy.yaml --with-cluster"},
		"explain/with-cluster":      {args: "explain service/catalog.shop -p 80 -f testdata/in/one-policy.yaml --with-cluster"},
		"explain/as-it-is":          {args: "explain service/catalog -n shop -p 80"},
		"diff/on-cluster":           {args: "diff -f testdata/in/one-policy.yaml -n dev", want: exitFindings},
		"diff/on-cluster-same":      {args: "diff -f testdata/in/cluster.yaml -n shop"},
		"lint/with-cluster-bad":     {args: "lint -f testdata/in/bad.yaml --with-cluster", want: exitFailure},
		"lint/with-cluster-no-file": {args: "lint -f testdata/in/absent.yaml --with-cluster", want: exitFailure},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := callOn(t, clusterOf(t, "testdata/in/cluster.yaml"), strings.Fields(tc.args)...)
			if code != tc.want {
				t.Errorf("got exit code %d, want %d; the standard error says:\n%s", code, tc.want, stderr)
			}
			compareGolden(t, name+".stdout", stdout)
			compareGolden(t, name+".stderr", stderr)
		})
	}
}
