package source_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/internal/source"
)

// TestReadURL reads manifests that a web server on this machine has, and tells of those that it has not.
func TestReadURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.yaml":
			_, _ = w.Write([]byte("{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}\n"))
		case "/moved.yaml":
			http.Redirect(w, r, "/a.yaml", http.StatusFound)
		case "/page.html":
			_, _ = w.Write([]byte("<html></html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	tests := map[string]struct {
		url, want string
		wantRead  int
	}{
		"a manifest":            {url: server.URL + "/a.yaml", wantRead: 1},
		"one that has moved":    {url: server.URL + "/moved.yaml", wantRead: 1},
		"one that is not there": {url: server.URL + "/absent.yaml", want: server.URL + "/absent.yaml: the server answers 404 Not Found"},
		"a page":                {url: server.URL + "/page.html", want: server.URL + "/page.html:1: is not an object with apiVersion and kind"},
		"no server":             {url: "http://127.0.0.1:1/a.yaml", want: "connection refused"},
		"a wrong address":       {url: "http://a b/", want: "invalid character"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader, err := source.Read(t.Context(), []string{tc.url}, source.Options{})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got the error %v, want %q", err, tc.want)
			}
			if got := reader.Len(); got != tc.wantRead {
				t.Errorf("got %d objects, want %d", got, tc.wantRead)
			}
		})
	}
}
