package istio

import (
	stdcmp "cmp"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestAccept(t *testing.T) {
	web := labels{"app": "web", "tier": "front"}
	type ports map[int32]meshtlsv1alpha1.AcceptMode
	cases := map[string]struct {
		peers     []*istiosecurityv1.PeerAuthentication
		namespace string
		dataplane model.Dataplane
		// wantPorts is asked port by port; 1 stands for a port without a mode of its own.
		wantPorts  ports
		wantOrigin string
		// wantIgnored are the objects of no effect, with the winner.
		wantIgnored map[string]string
	}{
		"without any, a sidecar takes both": {
			wantPorts: ports{1: permissive}, wantOrigin: "Istio's default",
		},
		"the mesh's holds where nothing narrower is said": {
			peers:     peers(peer(rootNamespace, "mesh", 1, strictMode)),
			wantPorts: ports{1: strict}, wantOrigin: "PeerAuthentication istio-system/mesh (spec.mtls.mode)",
		},
		"the namespace's beats the mesh's, the workload's beats both": {
			peers: peers(peer(rootNamespace, "mesh", 1, strictMode), peer("shop", "ns", 1, disableMode),
				peer("shop", "web", 1, permissiveMode).selecting(labels{"app": "web"})),
			wantPorts: ports{1: permissive}, wantOrigin: "PeerAuthentication shop/web (spec.mtls.mode)",
		},
		"an unset mode leaves it to the wider scope": {
			peers: peers(peer(rootNamespace, "mesh", 1, strictMode), peer("shop", "ns", 1, unsetMode),
				peer("shop", "web", 1, unsetMode).selecting(labels{"app": "web"}).port(8080, disableMode).port(8081, unsetMode)),
			wantPorts:  ports{1: strict, 8080: disable, 8081: strict},
			wantOrigin: "PeerAuthentication istio-system/mesh (spec.mtls.mode)",
		},
		"of two on the same pods the oldest is used whole": {
			peers: peers(peer("shop", "young", 1, strictMode).selecting(labels{"tier": "front"}).port(8080, disableMode),
				peer("shop", "old", 2, permissiveMode).selecting(web)),
			wantPorts: ports{1: permissive, 8080: permissive}, wantOrigin: "PeerAuthentication shop/old (spec.mtls.mode)",
			wantIgnored: map[string]string{"shop/young": "PeerAuthentication shop/old"},
		},
		"of equal age, the first by name is used": {
			peers:     peers(peer("shop", "b", 1, strictMode), peer("shop", "a", 1, disableMode)),
			wantPorts: ports{1: disable}, wantOrigin: "PeerAuthentication shop/a (spec.mtls.mode)",
			wantIgnored: map[string]string{"shop/b": "PeerAuthentication shop/a"},
		},
		"one with a selector in the root namespace does nothing, for pods anywhere": {
			peers:       peers(peer(rootNamespace, "web", 1, strictMode).selecting(labels{"app": "web"})),
			wantPorts:   ports{1: permissive},
			wantOrigin:  "Istio's default",
			wantIgnored: map[string]string{"istio-system/web": "no object"},
		},
		"pods of the root namespace have the mesh's": {
			peers: peers(peer(rootNamespace, "mesh", 1, strictMode),
				peer(rootNamespace, "web", 2, disableMode).selecting(labels{"app": "web"})),
			namespace: rootNamespace, wantPorts: ports{1: strict}, wantOrigin: "PeerAuthentication istio-system/mesh (spec.mtls.mode)",
			wantIgnored: map[string]string{"istio-system/web": "no object"},
		},
		"pods without a proxy take no mutual TLS": {
			peers:     peers(peer(rootNamespace, "mesh", 1, strictMode)),
			dataplane: model.DataplaneNone, wantPorts: ports{1: disable}, wantOrigin: "Istio's default (the pods have no proxy)",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := workload(stdcmp.Or(tc.namespace, "shop"), stdcmp.Or(tc.dataplane, model.DataplaneSidecar), web)
			got := New(World{Mesh: mesh, PeerAuthentications: tc.peers}).Accept(w)
			gotPorts, gotIgnored := ports{}, map[string]string{}
			for port := range tc.wantPorts {
				gotPorts[port] = got.Port(port).Mode
			}
			for _, ignored := range got.Ignored {
				gotIgnored[ignored.Object.Namespace+"/"+ignored.Object.Name] = ignored.Winner.String()
			}
			if diff := cmp.Diff(tc.wantPorts, gotPorts); diff != "" {
				t.Errorf("modes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantOrigin, got.Workload.Origin.String()); diff != "" {
				t.Errorf("origin (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(orNone(tc.wantIgnored), gotIgnored); diff != "" {
				t.Errorf("ignored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAcceptAmbient(t *testing.T) {
	web := labels{"app": "web"}
	type ports map[int32]meshtlsv1alpha1.AcceptMode
	cases := map[string]struct {
		peers []*istiosecurityv1.PeerAuthentication
		want  ports
	}{
		"Disable is no different from Permissive": {
			peers: peers(peer("shop", "ns", 1, disableMode)),
			want:  ports{1: permissive},
		},
		"a PERMISSIVE port is exempt from the workload's STRICT, and so is a DISABLE one": {
			peers: peers(peer("shop", "web", 1, strictMode).selecting(web).port(8080, permissiveMode).port(8081, disableMode)),
			want:  ports{1: strict, 8080: permissive, 8081: permissive},
		},
		"a STRICT port of a PERMISSIVE workload is refused plaintext": {
			peers: peers(peer("shop", "web", 1, permissiveMode).selecting(web).port(8080, strictMode)),
			want:  ports{1: permissive, 8080: strict},
		},
		"under the namespace's STRICT, a DISABLE port alone is no exemption": {
			peers: peers(peer("shop", "ns", 1, strictMode), peer("shop", "web", 1, unsetMode).selecting(web).port(8080, disableMode)),
			want:  ports{1: strict, 8080: strict},
		},
		"a PERMISSIVE port beside it makes it one": {
			peers: peers(peer("shop", "ns", 1, strictMode),
				peer("shop", "web", 1, unsetMode).selecting(web).port(8080, disableMode).port(8081, permissiveMode)),
			want: ports{1: strict, 8080: permissive, 8081: permissive},
		},
		"gap in Istio: an empty PeerAuthentication of the namespace loses the exemptions and the mesh's STRICT": {
			peers: peers(peer(rootNamespace, "mesh", 1, strictMode), peer("shop", "ns", 1, unsetMode),
				peer("shop", "web", 1, unsetMode).selecting(web).port(8080, permissiveMode)),
			want: ports{1: permissive, 8080: permissive},
		},
		// Found by the differential test, seed 21 of the ambient worlds.
		"gap in Istio: in a STRICT mesh, the STRICT port of a PERMISSIVE workload takes plaintext": {
			peers: peers(peer(rootNamespace, "mesh", 1, strictMode),
				peer("shop", "web", 1, permissiveMode).selecting(web).port(8080, strictMode)),
			want: ports{1: permissive, 8080: permissive},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			acceptance := New(World{Mesh: mesh, PeerAuthentications: tc.peers}).Accept(workload("shop", model.DataplaneAmbient, web))
			got := ports{}
			for port := range tc.want {
				got[port] = acceptance.Port(port).Mode
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("modes (-want +got):\n%s", diff)
			}
		})
	}
}

func orNone(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func TestAcceptOfOthersThanSidecars(t *testing.T) {
	strictAt9 := &istionetworkingv1.Sidecar{ObjectMeta: meta("shop", "s", 1)}
	strictAt9.Spec.Ingress = []*networkingapi.IstioIngressListener{{Port: &networkingapi.SidecarPort{Number: 9}}}
	tests := map[string]struct {
		mode     securityapi.PeerAuthentication_MutualTLS_Mode
		workload *model.Workload
		sidecars []*istionetworkingv1.Sidecar
		// want is the mode of the workload, want9 that of port 9.
		want, want9 meshtlsv1alpha1.AcceptMode
	}{
		"a waypoint takes anything":                      {mode: strictMode, workload: &model.Workload{Dataplane: model.DataplaneWaypoint}, want: disable, want9: disable},
		"gRPC takes mutual TLS only":                     {mode: strictMode, workload: &model.Workload{Dataplane: model.DataplaneProxyless}, want: strict, want9: strict},
		"gRPC that is permissive takes plaintext only":   {mode: permissiveMode, workload: &model.Workload{Dataplane: model.DataplaneProxyless}, want: disable, want9: disable},
		"gRPC whose label has clients use mutual TLS":    {mode: permissiveMode, workload: &model.Workload{Dataplane: model.DataplaneProxyless, Labels: labels{"security.istio.io/tlsMode": "istio"}}, want: strict, want9: strict},
		"a sidecar that nothing leads to":                {mode: strictMode, workload: &model.Workload{Dataplane: model.DataplaneSidecar, Interception: model.InterceptionNone}, want: disable, want9: disable},
		"one that listens where a Sidecar says":          {mode: strictMode, workload: &model.Workload{Dataplane: model.DataplaneSidecar, Interception: model.InterceptionNone}, sidecars: []*istionetworkingv1.Sidecar{strictAt9}, want: disable, want9: strict},
		"a gateway listens whatever the interception is": {mode: strictMode, workload: &model.Workload{Dataplane: model.DataplaneSidecar, Gateway: true, Interception: model.InterceptionNone}, want: strict, want9: strict},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.workload.Namespace = "shop"
			m := New(World{Mesh: mesh, PeerAuthentications: peers(peer("shop", "p", 1, tc.mode)), Sidecars: tc.sidecars})
			got := m.Accept(tc.workload)
			if got.Workload.Mode != tc.want || got.Port(9).Mode != tc.want9 {
				t.Errorf("accepts %s, at port 9 %s; want %s and %s", got.Workload.Mode, got.Port(9).Mode, tc.want, tc.want9)
			}
		})
	}
}

// TestClientsGoByWhatIsSaid: clients know nothing of whether anything enforces a PeerAuthentication.
func TestClientsGoByWhatIsSaid(t *testing.T) {
	uncaught := &model.Workload{Namespace: "shop", Dataplane: model.DataplaneSidecar, Interception: model.InterceptionNone}
	m := New(World{Mesh: mesh, PeerAuthentications: peers(peer("shop", "p", 1, strictMode))})
	v := m.Verdict(Connection{Client: caller, To: Destination{Host: payments, Port: 80}, Server: uncaught, Port: 80})
	if v.Kind != Refused || v.Sent.Mode != meshtlsv1alpha1.SendIstioMutual {
		t.Errorf("got %s of %s, want mutual TLS to be refused", v.Kind, v.Sent.Mode)
	}
}
