package faults

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/test/worlds"
)

// lag is how much later the second API server hears of what etcd has.
const lag = time.Second

// TestTimeTravel puts a second API server beside the first, on the same etcd, whose watches are behind: what it lists of its caches, and
// what it tells, is of another time. Each request of the operator goes to one of them by chance, as a load balancer sends it, and its
// watches are cut and begin again at either.
func TestTimeTravel(t *testing.T) {
	second, err := plane.AddAPIServer(t.Context(), "kube-apiserver-behind", lateEtcd(t, plane.Etcd()))
	must(t, err)
	isBehind(t, second)
	each(t, "an API server lags", 2, 6, func(t *testing.T, namespace string, seed uint64) {
		start(t, namespace, balanced(seed, second))
	})
}

// lateEtcd returns where etcd is found by who is to hear of changes later. What is asked of it is answered at once. The calls are gRPC's,
// which are HTTP/2 without TLS here.
func lateEtcd(t *testing.T, etcd *url.URL) *url.URL {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(request *httputil.ProxyRequest) { request.SetURL(etcd) },
		Transport:     &http.Transport{Protocols: &protocols},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // calls are given up all the time
		ModifyResponse: func(response *http.Response) error {
			if ctx := response.Request.Context(); strings.HasSuffix(response.Request.URL.Path, "/Watch") {
				response.Body = &stream{ReadCloser: response.Body, hold: func() { later(ctx) }}
			}
			return nil
		},
	}
	server := httptest.NewUnstartedServer(proxy)
	server.Config.Protocols = &protocols
	server.Start() // who asks it outlives the test, and ends with the control plane
	where, err := url.Parse(server.URL)
	must(t, err)
	return where
}

// isBehind fails the test unless the API server tells of an object as late as it should.
func isBehind(t *testing.T, server string) {
	t.Helper()
	config := limitless(plane.Config)
	config.Host = "https://" + server
	behind, err := client.NewWithWatch(config, client.Options{Scheme: worlds.Scheme()})
	must(t, err)
	watching, err := behind.Watch(t.Context(), &istiosecurityv1.PeerAuthenticationList{}, client.InNamespace(istioNamespace))
	must(t, err)
	defer watching.Stop()
	made := probe(istioNamespace)
	began := time.Now()
	must(t, admin.Create(t.Context(), made))
	defer func() { must(t, admin.Delete(context.WithoutCancel(t.Context()), made)) }()
	for event := range watching.ResultChan() {
		if told, is := event.Object.(*istiosecurityv1.PeerAuthentication); is && told.UID == made.UID {
			break
		}
	}
	if since := time.Since(began); since < lag {
		t.Fatalf("it told of an object after %s, want %s at the least", since, lag)
	}
}

// later waits as long as what is told lags.
func later(ctx context.Context) {
	select {
	case <-time.After(lag):
	case <-ctx.Done():
	}
}

// balanced sends each request to the first or the second API server by chance, and cuts watches, so that they go on at either.
func balanced(seed uint64, second string) *transport {
	d, f := newDice(seed), cutting(seed, enough)
	cut := f.before
	f.before = func(request *http.Request) (int, error) {
		if d.below(2) == 0 {
			request.URL.Host = second
		}
		return cut(request)
	}
	return f
}
