package istio

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/meshtls/meshtls/internal/model"
)

const paymentsHost = "payments.shop.svc.cluster.local"

func TestRule(t *testing.T) {
	simple, mutual := clientTLS(tlsSimple), clientTLS(tlsIstioMutual)
	cases := map[string]struct {
		rules  []*istionetworkingv1.DestinationRule
		client Client
		// defaultExportTo is the mesh's.
		defaultExportTo []string
		// want are the rules that are merged into the one that governs; wantPolicy is whose trafficPolicy holds.
		want        []string
		wantPolicy  string
		wantSubsets []string
		// wantShadowed are those of no effect, with the reason.
		wantShadowed map[string]ShadowReason
	}{
		"none": {},
		"the client's namespace comes before the host's, whatever the host of the rule": {
			rules:        rules(rule("shop", "owner", 2, paymentsHost).tls(simple), rule("client", "all", 1, "*.local").tls(mutual)),
			want:         []string{"client/all"},
			wantPolicy:   "client/all",
			wantShadowed: map[string]ShadowReason{"shop/owner": ShadowEarlierNamespace},
		},
		"the host's namespace comes before the root": {
			rules:        rules(rule("shop", "owner", 1, "payments").tls(simple), rule(rootNamespace, "mesh", 2, paymentsHost).tls(mutual)),
			want:         []string{"shop/owner"},
			wantPolicy:   "shop/owner",
			wantShadowed: map[string]ShadowReason{"istio-system/mesh": ShadowEarlierNamespace},
		},
		"the root namespace comes last": {
			rules: rules(rule(rootNamespace, "mesh", 1, "*").tls(mutual)),
			want:  []string{"istio-system/mesh"}, wantPolicy: "istio-system/mesh",
		},
		"a rule of a fourth namespace is never found": {
			rules: rules(rule("other", "lost", 1, paymentsHost).tls(simple)),
		},
		"within a namespace the most exact host wins": {
			rules: rules(rule("shop", "all", 2, "*.shop.svc.cluster.local").tls(simple), rule("shop", "exact", 1, paymentsHost).tls(mutual)),
			want:  []string{"shop/exact"}, wantPolicy: "shop/exact",
			wantShadowed: map[string]ShadowReason{"shop/all": ShadowLessSpecific},
		},
		"exportTo keeps a rule from the client, but not from hiding a wider one": {
			rules: rules(rule("shop", "all", 2, "*.shop.svc.cluster.local").tls(simple),
				rule("shop", "exact", 1, paymentsHost).tls(mutual).exportTo("other")),
			wantShadowed: map[string]ShadowReason{"shop/all": ShadowLessSpecific, "shop/exact": ShadowNotExported},
		},
		"a private rule of another namespace hides nothing": {
			rules: rules(rule("shop", "private", 2, paymentsHost).tls(simple).exportTo("."), rule(rootNamespace, "mesh", 1, "*").tls(mutual)),
			want:  []string{"istio-system/mesh"}, wantPolicy: "istio-system/mesh",
		},
		"the mesh's default may make rules private": {
			rules:           rules(rule("shop", "owner", 2, paymentsHost).tls(simple)),
			defaultExportTo: []string{"."},
		},
		"clients of the root namespace see its private rules first and its others last": {
			rules: rules(rule(rootNamespace, "private", 1, "*").tls(simple).exportTo("."), rule(rootNamespace, "mesh", 2, paymentsHost).tls(mutual),
				rule("shop", "owner", 1, paymentsHost).tls(mutual)),
			client: Client{Namespace: rootNamespace, Dataplane: model.DataplaneSidecar},
			want:   []string{"istio-system/private"}, wantPolicy: "istio-system/private",
			wantShadowed: map[string]ShadowReason{"shop/owner": ShadowEarlierNamespace, "istio-system/mesh": ShadowEarlierNamespace},
		},
		"of two for one host the older keeps its policy, and the subsets are collected": {
			rules: rules(rule("shop", "young", 1, paymentsHost).tls(simple).subset("v1", nil).subset("v2", nil),
				rule("shop", "old", 2, paymentsHost).tls(mutual).subset("v1", nil)),
			want: []string{"shop/old", "shop/young"}, wantPolicy: "shop/old", wantSubsets: []string{"shop/old v1", "shop/young v2"},
			wantShadowed: map[string]ShadowReason{"shop/young": ShadowMerged},
		},
		"a policy is taken from the younger where the older has none": {
			rules: rules(rule("shop", "young", 1, paymentsHost).tls(simple), rule("shop", "old", 2, paymentsHost).subset("v1", nil)),
			want:  []string{"shop/old", "shop/young"}, wantPolicy: "shop/young", wantSubsets: []string{"shop/old v1"},
		},
		"rules of different exportTo are kept apart, and the last one governs": {
			rules: rules(rule("client", "old", 2, paymentsHost).tls(simple).exportTo("."),
				rule("client", "young", 1, paymentsHost).tls(mutual).exportTo("*")),
			want: []string{"client/young"}, wantPolicy: "client/young",
			wantShadowed: map[string]ShadowReason{"client/old": ShadowOtherPods},
		},
		// Found while reading mergeDestinationRule: the last of the rules that are there decides whether the new one also stands alone.
		"a rule that was merged stands alone as well, where one it could not join comes later": {
			rules: rules(rule("client", "a", 3, paymentsHost).tls(simple).exportTo("."), rule("client", "b", 2, paymentsHost).exportTo("*"),
				rule("client", "c", 1, paymentsHost).tls(mutual).exportTo(".")),
			want: []string{"client/c"}, wantPolicy: "client/c",
			wantShadowed: map[string]ShadowReason{"client/a": ShadowOtherPods, "client/b": ShadowOtherPods},
		},
		"a rule for some pods comes first for them": {
			rules: rules(rule("client", "all", 2, paymentsHost).tls(simple),
				rule("client", "some", 1, paymentsHost).tls(mutual).selecting(labels{"app": "caller"})),
			want: []string{"client/some"}, wantPolicy: "client/some",
			wantShadowed: map[string]ShadowReason{"client/all": ShadowOtherPods},
		},
		"where a namespace has only rules for some pods, the others have none at all": {
			rules: rules(rule("shop", "owner", 2, paymentsHost).tls(simple),
				rule("client", "some", 1, paymentsHost).tls(mutual).selecting(labels{"app": "else"})),
			wantShadowed: map[string]ShadowReason{"client/some": ShadowOtherPods, "shop/owner": ShadowEarlierNamespace},
		},
		"a companion without exportTo governs the others": {
			rules: rules(rule("client", "companion", 2, paymentsHost).tls(simple),
				rule("client", "some", 1, paymentsHost).tls(mutual).selecting(labels{"app": "else"})),
			want: []string{"client/companion"}, wantPolicy: "client/companion",
			wantShadowed: map[string]ShadowReason{"client/some": ShadowOtherPods},
		},
		"a companion that exports to its own namespace is merged away": {
			rules: rules(rule("client", "companion", 2, paymentsHost).tls(simple).exportTo("."),
				rule("client", "some", 1, paymentsHost).tls(mutual).selecting(labels{"app": "else"})),
			wantShadowed: map[string]ShadowReason{"client/some": ShadowOtherPods, "client/companion": ShadowOtherPods},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := New(World{Mesh: model.Mesh{RootNamespace: rootNamespace, AutoMTLS: true, DefaultDestinationRuleExportTo: tc.defaultExportTo},
				DestinationRules: tc.rules})
			client := caller
			if tc.client.Namespace != "" {
				client = tc.client
			}
			got := m.Rule(client, payments)
			var gotRules, gotSubsets []string
			for _, r := range got.Rules {
				gotRules = append(gotRules, r.Namespace+"/"+r.Name)
			}
			for _, s := range got.Subsets {
				gotSubsets = append(gotSubsets, s.Rule.Namespace+"/"+s.Rule.Name+" "+s.Name)
			}
			gotPolicy := ""
			if got.Policy != nil {
				gotPolicy = got.Policy.Namespace + "/" + got.Policy.Name
			}
			var gotShadowed map[string]ShadowReason
			for _, s := range m.Shadowed(client, payments) {
				if gotShadowed == nil {
					gotShadowed = map[string]ShadowReason{}
				}
				gotShadowed[s.Rule.Namespace+"/"+s.Rule.Name] = s.Reason
			}
			if diff := cmp.Diff([]any{tc.want, tc.wantPolicy, tc.wantSubsets, tc.wantShadowed},
				[]any{gotRules, gotPolicy, gotSubsets, gotShadowed}); diff != "" {
				t.Errorf("rules, policy, subsets, shadowed (-want +got):\n%s", diff)
			}
		})
	}
}
