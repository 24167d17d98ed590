package kubelet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func example() *Pod {
	return &Pod{kubelet: &Kubelet{}, object: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web", UID: "1", Labels: map[string]string{"b": "2", "a": `say "x"`}, Annotations: map[string]string{"c": "3"},
		},
		Spec:   corev1.PodSpec{NodeName: "node", ServiceAccountName: "account"},
		Status: corev1.PodStatus{PodIP: "10.0.0.2", HostIP: "10.0.0.1"},
	}}
}

func field(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

func TestCommand(t *testing.T) {
	limits := func(resource string) corev1.EnvVar {
		return corev1.EnvVar{Name: "LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: resource}}}
	}
	tests := map[string]struct {
		container corev1.Container
		want      []string // behind env --ignore-environment PATH=… HOME=…
		wantErr   string
	}{
		"the entrypoint of the image, as its user": {
			container: corev1.Container{Name: "istio-proxy", Args: []string{"proxy", "sidecar"}},
			want:      []string{"setpriv", "--reuid=1337", "--regid=1337", "--clear-groups", "/usr/local/bin/pilot-agent", "proxy", "sidecar"},
		},
		"as root where the container says so": {
			container: corev1.Container{Name: "istio-init", SecurityContext: &corev1.SecurityContext{RunAsUser: ptr.To[int64](0)}},
			want:      []string{"/usr/local/bin/pilot-agent"},
		},
		"a command in place of the entrypoint": {
			container: corev1.Container{Name: "discovery", Command: []string{"other"}, Args: []string{"argument"}},
			want:      []string{"setpriv", "--reuid=1337", "--regid=1337", "--clear-groups", "other", "argument"},
		},
		"variables, and references to them": {
			container: corev1.Container{
				Name: "istio-proxy", Args: []string{"--domain", "$(NS).svc.$(UNKNOWN)"},
				Env: []corev1.EnvVar{field("NS", "metadata.namespace"), {Name: "BOTH", Value: "$(NS)/$(LATER)"}, {Name: "LATER", Value: "x"}},
			},
			want: []string{
				"NS=shop", "BOTH=shop/$(LATER)", "LATER=x",
				"setpriv", "--reuid=1337", "--regid=1337", "--clear-groups", "/usr/local/bin/pilot-agent", "--domain", "shop.svc.$(UNKNOWN)",
			},
		},
		"a limit that the container has": {
			container: corev1.Container{
				Name: "istio-init", SecurityContext: &corev1.SecurityContext{RunAsUser: ptr.To[int64](0)}, Env: []corev1.EnvVar{limits("limits.cpu")},
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}},
			},
			want: []string{"LIMIT=2", "/usr/local/bin/pilot-agent"},
		},
		"a limit that it does not have": {
			container: corev1.Container{Name: "istio-init", SecurityContext: &corev1.SecurityContext{RunAsUser: ptr.To[int64](0)}, Env: []corev1.EnvVar{limits("limits.memory")}},
			want:      []string{"LIMIT=1073741824", "/usr/local/bin/pilot-agent"},
		},
		"a field that is not known here": {
			container: corev1.Container{Name: "istio-proxy", Env: []corev1.EnvVar{field("X", "spec.priority")}},
			wantErr:   "environment variable X: the downward API here does not know the field spec.priority",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := example().command(&tc.container)
			if tc.wantErr != "" {
				if err == nil || err.Error() != tc.wantErr {
					t.Errorf("error: got %v, want %s", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got[4:]); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
		})
	}
}

func TestField(t *testing.T) {
	for path, want := range map[string]string{
		"metadata.name": "web", "metadata.namespace": "shop", "metadata.uid": "1", "spec.nodeName": "node", "spec.serviceAccountName": "account",
		"status.podIP": "10.0.0.2", "status.hostIP": "10.0.0.1",
		"metadata.labels": "a=\"say \\\"x\\\"\"\nb=\"2\"\n", "metadata.annotations": "c=\"3\"\n",
	} {
		if got, err := example().field(path); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestHasProxy(t *testing.T) {
	tests := map[string]struct {
		spec corev1.PodSpec
		want bool
	}{
		"none":              {corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}, false},
		"a container":       {corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}, {Name: "istio-proxy"}}}, true},
		"an init container": {corev1.PodSpec{InitContainers: []corev1.Container{{Name: "istio-init"}, {Name: "istio-proxy"}}}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (&Pod{object: &corev1.Pod{Spec: tc.spec}}).HasProxy(); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
