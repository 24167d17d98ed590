package explain_test

import (
	"strings"
	"testing"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
)

// TestPolicyRefuses asks about policies of the world in which names are alike.
func TestPolicyRefuses(t *testing.T) {
	mesh := meshOf(t, write(t, world))
	policies := policiesOf(t, write(t, `
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: web, namespace: shop}, spec: {accept: {mode: Strict}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: web, namespace: bank}, spec: {accept: {mode: Strict}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: absent, namespace: shop},
 spec: {workload: {service: absent}, accept: {mode: Strict}}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: nobody, namespace: shop},
 spec: {send: [{hosts: [nobody.example], mode: Simple}]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: unseen, namespace: shop},
 spec: {send: [{hosts: [hidden.example], mode: Simple}]}}
`))
	tests := map[string]struct {
		ask  string
		want string
	}{
		"a name that a letter tells from another": {
			ask: "mtp/absnt", want: "there is no MeshTLSPolicy absnt; did you mean meshtlspolicy/absent.shop?",
		},
		"another namespace": {
			ask: "mtp/absent -n bank", want: "there is no MeshTLSPolicy absent in namespace bank; did you mean meshtlspolicy/absent.shop?",
		},
		"two namespaces": {ask: "mtp/web", want: `"mtp/web" is ambiguous: it can be meshtlspolicy/web.bank or meshtlspolicy/web.shop`},
		"no pods":        {ask: "mtp/absent", want: "meshtlspolicy/absent.shop governs no connection that could be explained: no pod is behind it"},
		"a host that nothing declares": {
			ask: "mtp/nobody",
			want: "meshtlspolicy/nobody.shop governs no connection that could be explained. " +
				"No Service or ServiceEntry declares nobody.example, which spec.send[0] names.",
		},
		"a host that the pods do not see": {
			ask: "mtp/unseen", want: "meshtlspolicy/unseen.shop governs no connection that could be explained: its pods neither take nor send what it is about",
		},
		"a port that its pods do not have": {
			ask: "mtp/web.shop -p 1", want: "nothing is known of port 1; the pods' ports are 8080 (Service port web:80)",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ask(mesh, policies, parse(t, tc.ask))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestFindRefuses wants targets that are more than some pods to be left to explain.
func TestFindRefuses(t *testing.T) {
	whole := mesh.New(meshOf(t, write(t, world)), "")
	for _, target := range []string{"ns/shop", "MTP/web"} {
		_, _, err := explain.Find(whole, explain.Question{Target: target})
		if err == nil || !strings.HasSuffix(err.Error(), "ask about a "+strings.Join(explain.PodKinds(), ", ")) {
			t.Errorf("%s: got %v", target, err)
		}
	}
}
