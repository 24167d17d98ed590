package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// write is one of the operator's, as it was sent.
type write struct {
	method, path, query, contentType string
	body                             []byte
}

// recorder stands between the operator and the API server, and takes down what is written, by namespace/name of the policy.
type recorder struct {
	mu     sync.Mutex
	writes map[string][]write
}

func newRecorder() *recorder { return &recorder{writes: map[string][]write{}} }

// stand puts the recorder before a transport. Events are told beside.
func (r *recorder) stand(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Method != http.MethodGet && !strings.HasSuffix(request.URL.Path, "/events") {
			body, err := io.ReadAll(request.Body)
			if err != nil {
				return nil, err
			}
			request.Body = io.NopCloser(bytes.NewReader(body))
			r.take(write{request.Method, request.URL.Path, request.URL.RawQuery, request.Header.Get("Content-Type"), body})
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends the request.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (r *recorder) take(w write) {
	key := w.policy()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes[key] = append(r.writes[key], w)
}

// count returns how many writes there were, less those for the policies of a namespace.
func (r *recorder) count(besides string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for key, writes := range r.writes {
		if !strings.HasPrefix(key, besides+"/") {
			n += len(writes)
		}
	}
	return n
}

// policy returns whom the write is for: whose status it is, or who owns the object.
func (w write) policy() string {
	parts := strings.Split(w.path, "/") // "", apis, group, version, namespaces, namespace, resource, name, subresource
	if strings.HasSuffix(w.path, "/status") {
		return parts[5] + "/" + parts[7]
	}
	var object metav1.PartialObjectMetadata
	if json.Unmarshal(w.body, &object) == nil && len(object.OwnerReferences) > 0 {
		return parts[5] + "/" + object.OwnerReferences[0].Name
	}
	return parts[5] + "/"
}

// send sends the same bytes. A status says of which version of the policy it is, which is another one now.
func (w write) send(ctx context.Context, to rest.Interface, version string) error {
	body := w.body
	if strings.HasSuffix(w.path, "/status") {
		var content map[string]any
		if err := json.Unmarshal(body, &content); err != nil {
			return err
		}
		if err := unstructured.SetNestedField(content, version, "metadata", "resourceVersion"); err != nil {
			return err
		}
		var err error
		if body, err = json.Marshal(content); err != nil {
			return err
		}
	}
	return to.Verb(w.method).RequestURI(w.path+"?"+w.query).SetHeader("Content-Type", w.contentType).Body(body).Do(ctx).Error()
}

// sendRaw creates the policies and sends what the operator wrote for them.
func sendRaw(t *testing.T, w world, recorded *recorder) {
	t.Helper()
	raw := rawClient(t)
	must(t, together(w.policies, func(i int) error {
		policy := w.policy(i)
		body, err := json.Marshal(policy)
		if err != nil {
			return err
		}
		created := &meshtlsv1alpha1.MeshTLSPolicy{}
		answer, err := raw.Post().RequestURI(pathOf(policy.Namespace)).Body(body).Do(t.Context()).Raw()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(answer, created); err != nil {
			return err
		}
		for _, one := range recorded.writes[policy.Namespace+"/"+policy.Name] {
			if err := one.send(t.Context(), raw, created.ResourceVersion); err != nil {
				return fmt.Errorf("%s %s: %w", one.method, one.path, err)
			}
		}
		return nil
	}))
}

func pathOf(namespace string) string {
	return "/apis/" + meshtlsv1alpha1.GroupVersion.String() + "/namespaces/" + namespace + "/meshtlspolicies"
}

// trivial returns an empty object of the kind that costs the least.
func trivial(namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion("bench.meshtls.dev/v1")
	object.SetKind("Trivial")
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// sendTrivial makes as many writes, with the same contents, to objects of a kind without schema and rules.
func sendTrivial(t *testing.T, w world, recorded *recorder) {
	t.Helper()
	raw := rawClient(t)
	must(t, together(w.policies, func(i int) error {
		policy := w.policy(i)
		path := "/apis/bench.meshtls.dev/v1/namespaces/" + policy.Namespace + "/trivials"
		create := func(name string, content any) error {
			object := trivial(policy.Namespace, name)
			object.Object["content"] = content
			return raw.Post().RequestURI(path).Body(object).Do(t.Context()).Error()
		}
		content, err := asMap(policy.Spec)
		if err != nil {
			return err
		}
		if err := create(policy.Name, content); err != nil {
			return err
		}
		for n, one := range recorded.writes[policy.Namespace+"/"+policy.Name] {
			var written map[string]any
			if err := json.Unmarshal(one.body, &written); err != nil {
				return err
			}
			if strings.HasSuffix(one.path, "/status") {
				body, err := json.Marshal(map[string]any{"status": written["status"]})
				if err == nil {
					err = raw.Patch("application/merge-patch+json").RequestURI(path + "/" + policy.Name + "/status").Body(body).Do(t.Context()).Error()
				}
				if err != nil {
					return err
				}
				continue
			}
			if err := create(fmt.Sprintf("%s-%d", policy.Name, n), written["spec"]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func asMap(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	err = json.Unmarshal(text, &content)
	return content, err
}
