package istio

import (
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/versions"
)

// TestRulesOfMinors: each rule that differs by the minor version of Istio, on both sides of it, and where the version is not known.
// test/conformance holds the first against both.
func TestRulesOfMinors(t *testing.T) {
	autoAtPort := &networkingapi.TrafficPolicy{PortLevelSettings: []*networkingapi.TrafficPolicy_PortTrafficPolicy{portSettings(80, nil)}}
	type ending struct {
		kind Kind
		sent meshtlsv1alpha1.SendMode
	}
	cases := map[string]struct {
		rule      versions.Rule
		last      string // the version before the rule
		object    ruleBuilder
		subset    string
		server    model.Dataplane
		was, want ending
	}{
		"a subset falls back to the mode for all": {
			rule: versions.SubsetFallsBack, last: "1.30.4",
			object: rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsSimple)).subset("v1", autoAtPort), subset: "v1",
			server: model.DataplaneSidecar,
			was:    ending{MutualTLS, meshtlsv1alpha1.SendIstioMutual}, want: ending{Plaintext, meshtlsv1alpha1.SendDisable},
		},
		"a ConfigMap is a credential for every sidecar": {
			rule: versions.ConfigMapForSidecars, last: "1.25.9",
			object: rule("client", "r", 1, paymentsHost).tls(withCredential(clientTLS(tlsSimple), "configmap://client/ca")),
			server: model.DataplaneSidecar,
			was:    ending{Plaintext, meshtlsv1alpha1.SendDisable}, want: ending{ServerTLS, meshtlsv1alpha1.SendSimple},
		},
		"the tunnel replaces ISTIO_MUTUAL": {
			rule: versions.TunnelReplacesMutual, last: "1.24.0",
			object: rule("client", "r", 1, paymentsHost).tls(clientTLS(tlsIstioMutual)), server: model.DataplaneAmbient,
			was: ending{Refused, meshtlsv1alpha1.SendIstioMutual}, want: ending{MutualTLS, meshtlsv1alpha1.SendIstioMutual},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for version, want := range map[string]ending{tc.last: tc.was, tc.rule.Since + ".0": tc.want, "": tc.want, "latest": tc.want} {
				known := mesh
				known.Version = version
				got := New(World{Mesh: known, DestinationRules: rules(tc.object)}).Verdict(Connection{
					Client: caller, To: Destination{Host: payments, Port: 80, Subset: tc.subset}, Port: 8080,
					Server: workload("shop", tc.server, labels{"app": "payments"}),
				})
				if (ending{got.Kind, got.Sent.Mode}) != want {
					t.Errorf("Istio %q: got %s, sending %s; want %s, sending %s (%s)", version, got.Kind, got.Sent.Mode, want.kind, want.sent, got.Why)
				}
			}
		})
	}
	if len(cases) != len(versions.Rules) {
		t.Errorf("there are %d rules, and %d have a case", len(versions.Rules), len(cases))
	}
}
