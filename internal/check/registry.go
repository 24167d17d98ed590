package check

import (
	"github.com/meshtls/meshtls/internal/model"
)

// Check is one question about a namespace.
type Check struct {
	// Name is kebab-case and says the fault. Users mute by it.
	Name string
	// Reads are the kinds, besides MeshTLSPolicy, whose objects the answer depends on.
	Reads []string
	find  func(w world) []model.Finding
}

// All are the checks, by name.
func All() []Check {
	return []Check{
		{
			Name:  "accept-ambient-differs",
			Reads: []string{model.KindPod, model.KindNamespace, model.KindPeerAuthentication}, find: acceptAmbientDiffers,
		},
		{Name: "accept-auto-mtls-off", Reads: []string{model.KindConfigMap}, find: acceptAutoMTLSOff},
		{Name: "accept-disable-on-ambient", Reads: []string{model.KindPod, model.KindNamespace}, find: acceptDisableOnAmbient},
		{Name: "accept-overruled", Reads: []string{model.KindPod, model.KindPeerAuthentication}, find: acceptOverruled},
		{Name: "accept-port-not-declared", Reads: []string{model.KindPod, model.KindService}, find: acceptPortNotDeclared},
		{Name: "gateway-drops-foreign-server", Reads: []string{model.KindPod, model.KindGateway}, find: gatewayDropsForeignServer},
		{Name: "gateway-server-dropped", Reads: []string{model.KindPod, model.KindGateway}, find: gatewayServerDropped},
		{Name: "gateway-server-unreachable", Reads: []string{model.KindPod, model.KindGateway}, find: gatewayServerUnreachable},
		{Name: "send-host-not-found", Reads: []string{model.KindService, model.KindServiceEntry}, find: sendHostNotFound},
		{Name: "send-overruled", Reads: []string{model.KindPod, model.KindDestinationRule}, find: sendOverruled},
		{Name: "send-port-not-found", Reads: []string{model.KindService, model.KindServiceEntry}, find: sendPortNotFound},
		{Name: "send-silences-foreign", Reads: []string{model.KindDestinationRule}, find: sendSilencesForeign},
		{Name: "send-wildcard-catches-non-mesh", Reads: []string{model.KindServiceEntry}, find: sendWildcardCatchesNonMesh},
		{
			Name:  "send-wildcard-hides-rules",
			Reads: []string{model.KindService, model.KindServiceEntry, model.KindDestinationRule}, find: sendWildcardHidesRules,
		},
		{Name: "target-matches-no-pods", Reads: []string{model.KindPod}, find: targetMatchesNoPods},
	}
}

// Findings runs every check over the namespace, and tells the policies what lint finds in the objects rendered for them. The findings
// come in no particular order.
func Findings(s model.Snapshot, plan model.Plan, objects model.Objects) []model.Finding {
	w := newWorld(s, plan, objects)
	return append(w.findings(), w.inObjects()...)
}

// OfPolicies is Findings without what lint finds: for who asks lint about the whole mesh and has the answer Attributed.
func OfPolicies(s model.Snapshot, plan model.Plan, objects model.Objects) []model.Finding {
	return newWorld(s, plan, objects).findings()
}

func (w world) findings() []model.Finding {
	var findings []model.Finding
	for _, check := range All() {
		for _, f := range check.find(w) {
			f.Check = check.Name
			findings = append(findings, f)
		}
	}
	return findings
}
