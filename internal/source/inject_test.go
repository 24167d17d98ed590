package source_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// TestInjection asks gather what the pod of a template is, which is what all that follows builds on.
func TestInjection(t *testing.T) {
	const pod = `{containers: [{name: a}]}`
	tests := map[string]struct {
		// namespace are the labels of the Namespace; none where it begins with a hyphen.
		namespace   string
		in          string
		labels      string
		annotations string
		spec        string
		want        model.Dataplane
	}{
		"a namespace that is not among the files":            {namespace: "-", want: model.DataplaneSidecar},
		"of that, a pod that does not want it":               {namespace: "-", labels: `sidecar.istio.io/inject: "false"`, want: model.DataplaneNone},
		"of that, a pod of the ambient mesh":                 {namespace: "-", labels: "istio.io/dataplane-mode: ambient", want: model.DataplaneAmbient},
		"of that, a pod of the host's network":               {namespace: "-", spec: "{hostNetwork: true, containers: [{name: a}]}", want: model.DataplaneNone},
		"a namespace of Kubernetes' own":                     {namespace: "-", in: "kube-system", want: model.DataplaneNone},
		"a namespace that is injected":                       {namespace: "istio-injection: enabled", want: model.DataplaneSidecar},
		"of that, a pod that does not want it, by label":     {namespace: "istio-injection: enabled", labels: `sidecar.istio.io/inject: "false"`, want: model.DataplaneNone},
		"of that, one that does not by annotation":           {namespace: "istio-injection: enabled", annotations: `sidecar.istio.io/inject: "false"`, want: model.DataplaneNone},
		"the label goes before the annotation":               {namespace: "istio-injection: enabled", labels: `sidecar.istio.io/inject: "true"`, annotations: `sidecar.istio.io/inject: "false"`, want: model.DataplaneSidecar},
		"a namespace that is not injected":                   {namespace: "istio-injection: disabled", want: model.DataplaneNone},
		"of that, a pod that wants it all the same":          {namespace: "istio-injection: disabled", labels: `sidecar.istio.io/inject: "true"`, want: model.DataplaneNone},
		"a namespace of a revision":                          {namespace: "istio.io/rev: canary", want: model.DataplaneSidecar},
		"of a revision, a pod that does not want it":         {namespace: "istio.io/rev: canary", labels: `sidecar.istio.io/inject: "false"`, want: model.DataplaneNone},
		"istio-injection goes before the revision":           {namespace: "istio-injection: disabled, istio.io/rev: canary", want: model.DataplaneNone},
		"a namespace that says nothing":                      {want: model.DataplaneNone},
		"of that, a pod that wants it":                       {labels: `sidecar.istio.io/inject: "true"`, want: model.DataplaneSidecar},
		"of that, a pod of a revision":                       {labels: "istio.io/rev: canary", want: model.DataplaneSidecar},
		"of that, one that wants it by annotation only":      {annotations: `sidecar.istio.io/inject: "true"`, want: model.DataplaneNone},
		"a namespace of the ambient mesh":                    {namespace: "istio.io/dataplane-mode: ambient", want: model.DataplaneAmbient},
		"a sidecar goes before ambient":                      {namespace: "istio.io/dataplane-mode: ambient, istio-injection: enabled", want: model.DataplaneSidecar},
		"a gateway is a proxy whatever the namespace says":   {spec: "{containers: [{name: istio-proxy, image: auto}]}", want: model.DataplaneSidecar},
		"a template with a proxy that somebody put in there": {spec: "{containers: [{name: a}, {name: istio-proxy}]}", want: model.DataplaneSidecar},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			namespace, spec := "shop", pod
			if tc.in != "" {
				namespace = tc.in
			}
			if tc.spec != "" {
				spec = tc.spec
			}
			text := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: ` + namespace + `}, spec: {template: {
              metadata: {labels: {app: a, ` + tc.labels + `}, annotations: {` + tc.annotations + `}}, spec: ` + spec + `}}}`
			if !strings.HasPrefix(tc.namespace, "-") {
				text += "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: " + namespace + ", labels: {" + tc.namespace + "}}}"
			}
			inventory, err := gather.Inventory(t.Context(), mustRead(t, text), time.Time{}, gather.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := inventory.Workloads[0].Dataplane; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestPodsInFilesAreNotInjected(t *testing.T) {
	reader := mustRead(t, `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: a}]}}`)
	var pod corev1.Pod
	get(t, reader, "shop", "a", &pod)
	if len(pod.Annotations) > 0 {
		t.Errorf("got the annotations %v, want the pod as it stands", pod.Annotations)
	}
}
