package render

import (
	"cmp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshtls/meshtls/internal/model"
)

func selecting(labels ...string) map[string]string {
	selector := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		selector[labels[i]] = labels[i+1]
	}
	return selector
}

func TestAcceptName(t *testing.T) {
	tests := map[string]struct {
		rule       model.AcceptRule
		everything string
		want       string
	}{
		"the mesh":                    {everything: hintMesh, want: "meshtls-mesh-7gcwehueptpndtr6"},
		"the namespace":               {want: "meshtls-namespace-7gcwehueptpndtr6"},
		"the app label":               {rule: model.AcceptRule{Selector: selecting("app", "payments")}, want: "meshtls-payments-"},
		"the recommended name label":  {rule: model.AcceptRule{Selector: selecting("app.kubernetes.io/name", "pay", "tier", "a")}, want: "meshtls-pay-"},
		"the first label by key":      {rule: model.AcceptRule{Selector: selecting("tier", "back", "role", "db")}, want: "meshtls-db-"},
		"a label without a value":     {rule: model.AcceptRule{Selector: selecting("example.com/Gateway", "")}, want: "meshtls-example-com-gateway-"},
		"characters that are no name": {rule: model.AcceptRule{Selector: selecting("app", "A_.b-")}, want: "meshtls-a-b-"},
		"a value that is too long":    {rule: model.AcceptRule{Selector: selecting("app", strings.Repeat("x", 63))}, want: "meshtls-" + strings.Repeat("x", 38) + "-"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := acceptName(&tc.rule, cmp.Or(tc.everything, hintNamespace)); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %s, want it to begin with %s", got, tc.want)
			}
		})
	}
}

// The names are part of what the cluster holds: an object that is renamed is created anew and loses its rank. This table must not
// need a change.
func TestNamesDoNotChange(t *testing.T) {
	tests := map[string]struct{ got, want string }{
		"workload": {got: acceptName(&model.AcceptRule{Revision: "1-31", Selector: selecting("app", "a", "tier", "b")}, "namespace"), want: "meshtls-a-jkqrbwgbsozqigjf"},
		"host":     {got: sendName(&model.SendRule{Host: "payments.shop.svc.cluster.local", Audience: model.AudienceNamespace}), want: "meshtls-payments-shop-ithem5kjmrrfufof"},
		"wildcard": {got: sendName(&model.SendRule{Host: "*.example.com", Audience: model.AudienceAll}), want: "meshtls-example-com-qwvi6udeem6qmcv5"},
		"gateway":  {got: gatewayName(&model.GatewayRule{Policy: "edge.public"}), want: "meshtls-edge-public-xvq3vqi2bnginyxa"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %s, want %s", tc.got, tc.want)
			}
		})
	}
}

func TestSendNameTellsWhatIsGovernedApart(t *testing.T) {
	base := model.SendRule{Host: "a.example", Audience: model.AudienceWorkload, Selector: selecting("app", "x")}
	tests := map[string]struct {
		change   func(*model.SendRule)
		wantSame bool
	}{
		"another host":     {change: func(r *model.SendRule) { r.Host = "b.example" }},
		"another audience": {change: func(r *model.SendRule) { r.Audience = model.AudienceNamespace }},
		"other pods":       {change: func(r *model.SendRule) { r.Selector = selecting("app", "y") }},
		"more labels":      {change: func(r *model.SendRule) { r.Selector = selecting("app", "x", "tier", "b") }},
		"another revision": {change: func(r *model.SendRule) { r.Revision = "1-31" }},
		"the other form":   {change: func(r *model.SendRule) { r.ExportTo = []string{"."} }, wantSame: true},
		"another policy":   {change: func(r *model.SendRule) { r.Owners = []model.Owner{{Name: "p"}} }, wantSame: true},
		"other settings":   {change: func(r *model.SendRule) { r.TLS.Mode = "Simple" }, wantSame: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			changed := base
			tc.change(&changed)
			if got := sendName(&changed) == sendName(&base); got != tc.wantSame {
				t.Errorf("the name stays the same: %t, want %t", got, tc.wantSame)
			}
		})
	}
}

func TestGovernedIsUnambiguous(t *testing.T) {
	tests := map[string]struct{ a, b governed }{
		"a label's end is not the next one's begin": {
			a: governed{}.labels(selecting("a", "bc")), b: governed{}.labels(selecting("ab", "c")),
		},
		"a text is not a label": {
			a: governed{}.text("a").labels(selecting("b", "c")), b: governed{}.text("a").text("b").labels(selecting("c", "")),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if string(tc.a) == string(tc.b) {
				t.Errorf("both are encoded as %q", tc.a)
			}
		})
	}
}

func FuzzNamesAreDNSLabels(f *testing.F) {
	f.Add("edge.public", "*.example.com", "Payments_v1.2-")
	f.Add("--", "*", "")
	f.Add(strings.Repeat("a.", 126), strings.Repeat("b", 253), strings.Repeat("ü", 40))
	f.Fuzz(func(t *testing.T, policy, host, value string) {
		names := []string{
			gatewayName(&model.GatewayRule{Policy: policy}),
			sendName(&model.SendRule{Host: host, Audience: model.AudienceAll}),
			acceptName(&model.AcceptRule{Selector: selecting("app", value)}, "namespace"),
		}
		for _, name := range names {
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				t.Errorf("%q is no DNS label: %v", name, problems)
			}
		}
	})
}
