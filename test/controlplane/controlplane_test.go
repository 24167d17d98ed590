package controlplane_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/meshtls/meshtls/test/controlplane"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // errors tell what envtest logs
	os.Exit(m.Run())
}

// start starts a control plane that keeps its files in a folder of the test, and returns both.
func start(t *testing.T, options controlplane.Options) (*controlplane.ControlPlane, string) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	plane, err := controlplane.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plane.Stop() })
	return plane, temp
}

// eventually waits for a state that the cluster reaches by itself.
func eventually(t *testing.T, what string, reached func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, reached); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

func mustCreate(t *testing.T, c client.Client, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T %s: %v", object, client.ObjectKeyFromObject(object), err)
		}
	}
}

func newClient(t *testing.T, user controlplane.User) client.Client {
	t.Helper()
	c, err := client.New(user.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func custom(apiVersion, kind string, content map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	for key, value := range content {
		object.Object[key] = value
	}
	object.SetNamespace("default")
	object.SetName("example")
	return object
}

func TestControlPlane(t *testing.T) {
	plane, _ := start(t, controlplane.Options{
		CRDs: []string{"test/controlplane/testdata/widgets.yaml"},
		Controllers: []string{
			"garbage-collector-controller", "namespace-controller", "deployment-controller", "replicaset-controller",
		},
		Audit: true,
	})
	admin := newClient(t, controlplane.User{Config: plane.Config})
	t.Run("installs CRDs", func(t *testing.T) { installsCRDs(t, admin) })
	t.Run("gives Deployments pods", func(t *testing.T) { givesDeploymentsPods(t, admin) })
	t.Run("collects garbage", func(t *testing.T) { collectsGarbage(t, admin) })
	t.Run("deletes namespaces", func(t *testing.T) { deletesNamespaces(t, admin) })
	t.Run("knows users", func(t *testing.T) { knowsUsers(t, plane) })
	t.Run("logs each request once", func(t *testing.T) { logsRequests(t, plane) })
}

func installsCRDs(t *testing.T, admin client.Client) {
	mode := func(mode string) map[string]any {
		return map[string]any{"spec": map[string]any{"mtls": map[string]any{"mode": mode}}}
	}
	tests := map[string]struct {
		object  *unstructured.Unstructured
		wantErr bool
	}{
		"Istio's schema admits a mode":        {object: custom("security.istio.io/v1", "PeerAuthentication", mode("STRICT"))},
		"Istio's schema rejects a wrong mode": {object: custom("security.istio.io/v1", "PeerAuthentication", mode("HARD")), wantErr: true},
		"a given CRD admits":                  {object: custom("test.meshtls.dev/v1", "Widget", map[string]any{"size": int64(3)})},
		"a given CRD rejects":                 {object: custom("test.meshtls.dev/v1", "Widget", map[string]any{"size": int64(4)}), wantErr: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := admin.Create(t.Context(), tc.object, client.DryRunAll)
			if got := apierrors.IsInvalid(err); got != tc.wantErr || err != nil && !got {
				t.Errorf("creating %s: got %v, want invalid: %v", tc.object.GetKind(), err, tc.wantErr)
			}
		})
	}
}

func givesDeploymentsPods(t *testing.T, admin client.Client) {
	labels := map[string]string{"app": "payments"}
	mustCreate(t, admin, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "payments"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "payments", Image: "payments"}}},
			},
		},
	})
	eventually(t, "the Deployment has its pods", func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := admin.List(ctx, &pods, client.InNamespace("default"), client.MatchingLabels(labels))
		return len(pods.Items) == 2, err
	})
}

func collectsGarbage(t *testing.T, admin client.Client) {
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "owner"}}
	mustCreate(t, admin, owner)
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "owned", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID},
	}}}
	mustCreate(t, admin, owned)
	if err := admin.Delete(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned object is gone", gone(admin, owned))
}

func deletesNamespaces(t *testing.T, admin client.Client) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	inside := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "inside"}}
	mustCreate(t, admin, namespace, inside)
	if err := admin.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", gone(admin, namespace))
	eventually(t, "what was in it is gone", gone(admin, inside))
}

func gone(c client.Client, object client.Object) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
}

func knowsUsers(t *testing.T, plane *controlplane.ControlPlane) {
	user, err := plane.AddServiceAccount("shop", "payments")
	if err != nil {
		t.Fatal(err)
	}
	review := &authenticationv1.SelfSubjectReview{}
	mustCreate(t, newClient(t, user), review)
	wantGroups := []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}
	if diff := cmp.Diff(wantGroups, review.Status.UserInfo.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if got, want := review.Status.UserInfo.Username, "system:serviceaccount:shop:payments"; got != want {
		t.Errorf("user: got %s, want %s", got, want)
	}

	if user.Config, err = clientcmd.BuildConfigFromFlags("", user.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	err = newClient(t, user).List(t.Context(), &corev1.SecretList{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("a user without rights lists Secrets with its kubeconfig: got %v, want Forbidden", err)
	}
}

func logsRequests(t *testing.T, plane *controlplane.ControlPlane) {
	user, err := plane.AddUser("auditor", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, user)
	mustCreate(t, c, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "counted"}})
	for range 2 {
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "counted"}, &corev1.ConfigMap{}); err != nil {
			t.Fatal(err)
		}
	}
	requests, err := plane.Requests("auditor")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, request := range requests {
		if request.ObjectRef != nil { // all but the client's discovery
			got = append(got, fmt.Sprint(request.Verb, " ", request.ObjectRef.Resource))
		}
	}
	if diff := cmp.Diff([]string{"create configmaps", "get configmaps", "get configmaps"}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	eventually(t, "the answer to a request without right is logged", func(ctx context.Context) (bool, error) {
		return logsRefusal(ctx, t, plane)
	})
}

// logsRefusal reports whether a refused request is in the log with its answer.
func logsRefusal(ctx context.Context, t *testing.T, plane *controlplane.ControlPlane) (bool, error) {
	user, err := plane.AddUser("outsider")
	if err != nil {
		return false, err
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "counted"}}
	if err := newClient(t, user).Delete(ctx, config); !apierrors.IsForbidden(err) {
		t.Errorf("deleting without right: got %v, want Forbidden", err)
	}
	answers, err := plane.Answers("outsider")
	return slices.ContainsFunc(answers, func(answer auditv1.Event) bool {
		return answer.Verb == "delete" && answer.ResponseStatus.Code == http.StatusForbidden
	}), err
}

func TestStartErrors(t *testing.T) {
	tests := map[string]struct {
		assets  string
		options controlplane.Options
		want    []string
	}{
		"a folder without kube-controller-manager": {
			assets:  "etcd kube-apiserver",
			options: controlplane.Options{Controllers: []string{"namespace-controller"}},
			want:    []string{"kube-controller-manager is not in", "unset KUBEBUILDER_ASSETS and run `make controlplane` first"},
		},
		"an empty folder": {
			assets: " ",
			want:   []string{"etcd is not in"},
		},
		"a CRD folder that does not exist": {
			options: controlplane.Options{CRDs: []string{"no/such/folder"}},
			want:    []string{"no/such/folder"},
		},
		"a preparation that fails": {
			options: controlplane.Options{Prepare: func(folder string, _ *envtest.APIServer) error { return fmt.Errorf("nothing is in %s", folder) }},
			want:    []string{"preparing the API server: nothing is in ", "meshtls-controlplane-"},
		},
		"a controller that does not exist": {
			options: controlplane.Options{Controllers: []string{"no-such-controller"}},
			want:    []string{"kube-controller-manager ended", "no-such-controller"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.assets != "" {
				t.Setenv("KUBEBUILDER_ASSETS", folderWith(t, strings.Fields(tc.assets)))
			}
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			_, err := controlplane.Start(t.Context(), tc.options)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error: got %v, want %q in it", err, want)
				}
			}
			wantEmpty(t, temp)
		})
	}
}

// folderWith returns a new folder with empty files of these names.
func folderWith(t *testing.T, names []string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
