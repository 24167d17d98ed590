package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestDestinationRuleReach(t *testing.T) {
	tests := map[string]struct {
		rule         model.SendRule
		wantExportTo []string
		wantSelector bool
	}{
		"a workload's":    {rule: model.SendRule{Audience: model.AudienceWorkload, Selector: selecting("app", "a"), ExportTo: []string{"."}}, wantExportTo: []string{"."}, wantSelector: true},
		"the namespace's": {rule: model.SendRule{Audience: model.AudienceNamespace, ExportTo: []string{"."}}, wantExportTo: []string{"."}},
		"the companion's": {rule: model.SendRule{Audience: model.AudienceNamespace}},
		"everybody's":     {rule: model.SendRule{Audience: model.AudienceAll}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spec := &destinationRule(place{namespace: "shop"}, &tc.rule).Spec
			if diff := cmp.Diff(tc.wantExportTo, spec.ExportTo); diff != "" {
				t.Errorf("exportTo (-want +got):\n%s", diff)
			}
			if got := spec.WorkloadSelector != nil; got != tc.wantSelector {
				t.Errorf("has a workload selector: %t, want %t", got, tc.wantSelector)
			}
		})
	}
}

func TestClientTLSModes(t *testing.T) {
	tests := map[meshtlsv1alpha1.SendMode]string{
		"": "none", "Auto": "none", "Disable": "DISABLE", "Simple": "SIMPLE", "Mutual": "MUTUAL", "IstioMutual": "ISTIO_MUTUAL",
	}
	for mode, want := range tests {
		t.Run("mode "+string(mode), func(t *testing.T) {
			got := "none"
			if tls := clientTLS(&meshtlsv1alpha1.ClientTLS{Mode: mode}); tls != nil {
				got = tls.Mode.String()
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
