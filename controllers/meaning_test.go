package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/events"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestRecordMeaning(t *testing.T) {
	t.Parallel()
	port := func(number int32, mode meshtlsv1alpha1.AcceptMode, origin string) meshtlsv1alpha1.AcceptPortStatus {
		return meshtlsv1alpha1.AcceptPortStatus{Port: number, Mode: mode, Origin: origin, ServicePorts: []string{"catalog:metrics"}}
	}
	status := func(generation int64, object string, ports ...meshtlsv1alpha1.AcceptPortStatus) meshtlsv1alpha1.MeshTLSPolicyStatus {
		return meshtlsv1alpha1.MeshTLSPolicyStatus{
			ObservedGeneration: generation, AcceptPorts: ports,
			Objects: []meshtlsv1alpha1.ObjectReference{{Kind: model.KindPeerAuthentication, Name: object}},
		}
	}
	const entry, web, api = "spec.accept.ports[0]", "meshtls-catalog-web", "meshtls-catalog-api"
	before := status(1, web, port(9102, meshtlsv1alpha1.AcceptPermissive, entry), port(8080, meshtlsv1alpha1.AcceptStrict, "spec.accept.mode"))
	const begin = "Warning MeaningChanged By Services and pods, not by its spec, the policy means something else: "
	tests := map[string]struct {
		now  meshtlsv1alpha1.MeshTLSPolicyStatus
		want []string
	}{
		"nothing has changed": {now: before},
		"the spec has changed, too": {
			now: status(2, web, port(9103, meshtlsv1alpha1.AcceptPermissive, entry)),
		},
		"the Service selects other pods": {
			now:  status(1, api, before.AcceptPorts...),
			want: []string{begin + "Service catalog selects other pods than before."},
		},
		"the name of the port is another number's": {
			now: status(1, web, port(9103, meshtlsv1alpha1.AcceptPermissive, entry)),
			want: []string{begin + "port 9103 is Permissive now (spec.accept.ports[0], Service port catalog:metrics); " +
				"port 9102 is not Permissive by spec.accept.ports[0] any more."},
		},
		"a port that follows the rest comes or goes": {
			now: status(1, web, port(9102, meshtlsv1alpha1.AcceptPermissive, entry)),
		},
		"the Service is gone for now": {now: meshtlsv1alpha1.MeshTLSPolicyStatus{ObservedGeneration: 1, AcceptPorts: before.AcceptPorts}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := events.NewFakeRecorder(1)
			policy := &meshtlsv1alpha1.MeshTLSPolicy{Status: before}
			policy.Spec.Workload = &meshtlsv1alpha1.Target{Service: "catalog"}
			(&Reconciler{recorder: recorder}).recordMeaning(policy, tc.now)
			close(recorder.Events)
			var got []string
			for event := range recorder.Events {
				got = append(got, event)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
