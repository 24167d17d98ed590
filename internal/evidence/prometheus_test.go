package evidence

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var shop = Target{
	Namespace: "shop", Workloads: []string{"catalog"}, Ports: []Port{{Number: 8080}},
	Pods: []Pod{{Namespace: "shop", Name: "catalog-1", Proxy: Proxy{Namespace: "shop", Name: "catalog-1", IP: "10.0.0.1"}}},
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// TestErrorsAreUnknown asks what is no Prometheus, or one in trouble: never is that Clean, and always there is a sentence.
func TestErrorsAreUnknown(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	text := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = fmt.Fprint(w, body)
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a proxy that answers HTML": {text(http.StatusOK, "<html>please log in</html>"), "is not Prometheus"},
		"half an answer":            {text(http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[{`), "is not Prometheus"},
		"an answer of another type": {text(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), "is not Prometheus"},
		"a server error":            {text(http.StatusBadGateway, "bad gateway"), "fails: server error: 502"},
		"no rights":                 {text(http.StatusForbidden, "no"), "refuses the request: client error: 403"},
		"no such page":              {text(http.StatusNotFound, "no"), "refuses the request: client error: 404"},
		"a query that it refuses":   {text(http.StatusUnprocessableEntity, `{"status":"error","errorType":"execution","error":"too many samples"}`), "too many samples"},
		"half of its stores": {
			text(http.StatusOK, `{"status":"success","warnings":["store a is away"],"data":{"resultType":"vector","result":[]}}`),
			"the answer may be partial: store a is away",
		},
		"no metrics of Istio": {text(http.StatusOK, `{"status":"success","data":{"resultType":"vector","result":[]}}`), "it does not scrape them"},
		"a redirect to another host": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			},
			"leads to another host",
		},
		"a redirect to itself": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
			},
			"leads in circles",
		},
		"an answer of 50 MB": {
			func(w http.ResponseWriter, _ *http.Request) {
				for range 50 {
					_, _ = fmt.Fprint(w, strings.Repeat(" ", 1<<20))
				}
			},
			"too large",
		},
		"no answer": {func(_ http.ResponseWriter, r *http.Request) { wait(r) }, "did not answer in time"},
		"an answer that does not end": {
			func(w http.ResponseWriter, r *http.Request) {
				_, _ = fmt.Fprint(w, `{"status":`)
				w.(http.Flusher).Flush()
				wait(r)
			},
			"did not answer in time",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			t.Cleanup(server.Close)
			timeout := 20 * time.Second
			if strings.Contains(tc.want, "in time") {
				timeout = 200 * time.Millisecond
			}
			checkUnknown(t, Settings{URL: server.URL, Timeout: timeout}, tc.want)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(nil)
		server.Close()
		checkUnknown(t, Settings{URL: server.URL}, "refuses the connection")
	})
	t.Run("a certificate of somebody else", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it says that the client hung up, which is the test
		server.StartTLS()
		t.Cleanup(server.Close)
		checkUnknown(t, Settings{URL: server.URL}, "is not trusted; name its authority with --prometheus-ca-file")
	})
}

// wait returns when the client has gone, which a server notices once it has read the request.
func wait(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// checkUnknown asks all three questions of a source.
func checkUnknown(t *testing.T, s Settings, want string) {
	t.Helper()
	source, err := NewPrometheus(s)
	if err != nil {
		t.Fatal(err)
	}
	o := source.Refusable(t.Context(), shop, Last(time.Hour, noon))
	if o.Outcome != Unknown || !strings.Contains(o.Doubt, want) || !strings.HasSuffix(o.Doubt, ".") {
		t.Errorf("got %s with %q, want Unknown with a sentence with %q", o.Outcome, o.Doubt, want)
	}
	if strings.Contains(want, "scrape") {
		return // there is nothing wrong with the other two
	}
	if r := source.Refused(t.Context(), shop, Last(time.Hour, noon)); r.Visible || !strings.Contains(r.Doubt, want) {
		t.Errorf("got the refusals %+v, want a doubt with %q", r, want)
	}
	if _, err := source.Edges(t.Context(), Scope{}, Last(time.Hour, noon)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v of edges, want %q", err, want)
	}
}

// TestCancelled is the end of the program while Prometheus is asked.
func TestCancelled(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		wait(r)
	}))
	t.Cleanup(server.Close)
	source, err := NewPrometheus(Settings{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if o := source.Refusable(ctx, shop, Last(time.Hour, noon)); o.Outcome != Unknown || !strings.Contains(o.Doubt, "given up") {
		t.Errorf("got %s with %q, want Unknown", o.Outcome, o.Doubt)
	}
}

// TestAsking looks at what is sent: the token as the file has it now, the matchers in each query, over TLS that is verified.
func TestAsking(t *testing.T) {
	t.Parallel()
	var tokens, queries []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens, queries = append(tokens, r.Header.Get("Authorization")), append(queries, r.FormValue("query"))
		_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	ca, token := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "token")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	write(t, token, "one\n")
	source, err := NewPrometheus(Settings{URL: server.URL, CAFile: ca, TokenFile: token, Matchers: `cluster="east",replica!="b"`})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Edges(t.Context(), Scope{Namespace: "shop"}, Last(time.Hour, noon)); err != nil {
		t.Fatal(err)
	}
	write(t, token, "two\n")
	source.Refused(t.Context(), shop, Last(time.Hour, noon))
	if tokens[0] != "Bearer one" || tokens[len(tokens)-1] != "Bearer two" {
		t.Errorf("got the tokens %q, want the file's", tokens)
	}
	for _, query := range queries {
		series := strings.Count(query, "{")
		if got := strings.Count(query, `,cluster="east",replica!="b"}`); got != series {
			t.Errorf("of %d series of a query %d have the matchers: %s", series, got, query)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNewPrometheus(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "no certificate")
	tests := map[string]struct {
		settings Settings
		want     string
	}{
		"an address without a scheme": {Settings{URL: "prometheus:9090"}, "begins with http:// or https://"},
		"an address of a file":        {Settings{URL: "file:///etc/passwd"}, "begins with http:// or https://"},
		"an address that is none":     {Settings{URL: "http://a b"}, "is no URL"},
		"matchers that close":         {Settings{URL: "http://a", Matchers: `a="b"} or up{c="d"`}, "no list of label matchers"},
		"matchers without quotes":     {Settings{URL: "http://a", Matchers: `a=b`}, "no list of label matchers"},
		"no such authorities":         {Settings{URL: "http://a", CAFile: absent}, "reading the certificate authorities"},
		"authorities without any":     {Settings{URL: "http://a", CAFile: empty}, "holds no certificate in PEM"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := NewPrometheus(tc.settings); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
