package render

import (
	"fmt"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// BenchmarkObjects renders a namespace of 50 policies, each with one object of every kind.
func BenchmarkObjects(b *testing.B) {
	const policies = 50
	plan := model.Plan{Namespace: "shop"}
	for i := range policies {
		name := fmt.Sprintf("policy-%d", i)
		owners := []model.Owner{{Name: name, UID: "u"}}
		plan.Accepts = append(plan.Accepts, model.AcceptRule{
			Selector: selecting("app", name), AcceptSettings: accepting(meshtlsv1alpha1.AcceptStrict), Owners: owners,
			Ports: []model.PortAccept{{Port: 8080, AcceptSettings: accepting(meshtlsv1alpha1.AcceptPermissive)}},
		})
		plan.Sends = append(plan.Sends, model.SendRule{
			Host: name + ".shop.svc.cluster.local", Audience: model.AudienceNamespace, Owners: owners,
			TLS: meshtlsv1alpha1.ClientTLS{Mode: meshtlsv1alpha1.SendIstioMutual},
		})
		plan.Gateways = append(plan.Gateways, model.GatewayRule{
			Policy: name, Selector: selecting("gw", "in"), Owners: owners,
			Servers: []model.Server{{PortName: "https-443", Terminate: &meshtlsv1alpha1.Terminate{
				GatewayServer: serverOn(443, name+".example"), CredentialName: name, Profile: meshtlsv1alpha1.ProfileIntermediate,
			}}},
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		Objects(plan)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/policies, "ns/policy")
}
