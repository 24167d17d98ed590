package lint

import (
	"fmt"
	"maps"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

var peerAuthenticationChecks = []Check{
	{
		Name:  "peerauthentication-below-disable",
		Reads: []string{model.KindPeerAuthentication, model.KindDestinationRule, model.KindService, model.KindPod, model.KindConfigMap},
		find:  peerAuthenticationBelowDisable,
	},
	{
		Name:  "peerauthentication-covers-pods-without-proxy",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindNamespace},
		Ours:  true,
		find:  peerAuthenticationCoversPodsWithoutProxy,
	},
	{
		Name:  "peerauthentication-disable-on-ambient",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindNamespace},
		find:  peerAuthenticationDisableOnAmbient,
	},
	{
		Name:  "peerauthentication-misses-uncaptured-port",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindService},
		Ours:  true,
		find:  peerAuthenticationMissesUncapturedPort,
	},
	{
		Name:  "peerauthentication-named-port-incomplete",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindService},
		find:  peerAuthenticationNamedPortIncomplete,
	},
	{
		Name:  "peerauthentication-overlaps-older",
		Reads: []string{model.KindPeerAuthentication, model.KindPod},
		find:  peerAuthenticationOverlapsOlder,
	},
	{
		Name:  "peerauthentication-port-not-declared",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindService},
		find:  peerAuthenticationPortNotDeclared,
	},
	{
		Name:  "peerauthentication-port-of-service",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindService},
		find:  peerAuthenticationPortOfService,
	},
	{
		Name:  "peerauthentication-refuses-scrape",
		Reads: []string{model.KindPeerAuthentication, model.KindPod},
		Ours:  true,
		find:  peerAuthenticationRefusesScrape,
	},
	{
		Name: "peerauthentication-refuses-webhook",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindService, model.KindMutatingWebhook,
			model.KindValidatingWebhook},
		Ours: true,
		find: peerAuthenticationRefusesWebhook,
	},
	{
		Name:  "peerauthentication-repeats-scope",
		Reads: []string{model.KindPeerAuthentication},
		find:  peerAuthenticationRepeatsScope,
	},
	{
		Name:  "peerauthentication-selector-in-root-namespace",
		Reads: []string{model.KindPeerAuthentication, model.KindConfigMap},
		find:  peerAuthenticationSelectorInRootNamespace,
	},
	{
		Name:  "peerauthentication-selects-nothing",
		Reads: []string{model.KindPeerAuthentication, model.KindPod, model.KindWorkloadEntry},
		find:  peerAuthenticationSelectsNothing,
	},
}

// peerAuthenticationSelectorInRootNamespace tells of one that selects pods in the root namespace: Istio ignores it, for the mesh as for
// the pods of that namespace.
// Source: istio pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func peerAuthenticationSelectorInRootNamespace(v *view) []model.Finding {
	var findings []model.Finding
	for _, pa := range v.PeerAuthentications {
		if pa.Namespace != v.Mesh.RootNamespace || len(peerSelector(pa)) == 0 {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityError, model.KindPeerAuthentication, pa, "spec.selector")
		f.Message = fmt.Sprintf("It selects pods, and Istio ignores a PeerAuthentication with a selector in the root namespace %s.", pa.Namespace)
		f.Remedy = "Remove the selector to set the mode of the mesh, or move it to the namespace of the pods."
		findings = append(findings, f)
	}
	return findings
}

// peerAuthenticationSelectsNothing tells of one whose labels no pod of its namespace has, nor a WorkloadEntry.
// Source: istio pilot/pkg/model/authentication.go, getConfigsForWorkload;
// pilot/pkg/serviceregistry/serviceentry/conversion.go, ConvertWorkloadEntry.
func peerAuthenticationSelectsNothing(v *view) []model.Finding {
	if v.Partial {
		return nil
	}
	var findings []model.Finding
	for _, pa := range v.selectingPeers() {
		unseen := len(v.selected(pa.Namespace, nil)) == 0
		if unseen || len(v.selected(pa.Namespace, peerSelector(pa))) > 0 || v.selectsEntry(pa) {
			continue
		}
		f := about(meshtlsv1alpha1.SeverityWarning, model.KindPeerAuthentication, pa, "spec.selector")
		f.Message = fmt.Sprintf("No pod of namespace %s has the labels that it selects, and no WorkloadEntry: what it says holds for nothing.",
			pa.Namespace)
		f.Remedy = "Check the labels, or start the pods."
		findings = append(findings, f)
	}
	return findings
}

// selectsEntry says whether the labels are those of a machine. Istio takes what the object's metadata says before what its spec does.
func (v *view) selectsEntry(pa *istiosecurityv1.PeerAuthentication) bool {
	for _, entry := range v.WorkloadEntries {
		labels := maps.Clone(entry.Spec.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, entry.Labels)
		if entry.Namespace == pa.Namespace && pods.Matches(peerSelector(pa), labels) {
			return true
		}
	}
	return false
}

// selectingPeers are the PeerAuthentications for single workloads that Istio looks at.
func (v *view) selectingPeers() []*istiosecurityv1.PeerAuthentication {
	var selecting []*istiosecurityv1.PeerAuthentication
	for _, pa := range v.PeerAuthentications {
		if pa.Namespace != v.Mesh.RootNamespace && len(peerSelector(pa)) > 0 {
			selecting = append(selecting, pa)
		}
	}
	return selecting
}

// peersByRef finds a PeerAuthentication by the name that the model of Istio gives it.
func (v *view) peersByRef() map[model.ObjectRef]*istiosecurityv1.PeerAuthentication {
	byRef := make(map[model.ObjectRef]*istiosecurityv1.PeerAuthentication, len(v.PeerAuthentications))
	for _, pa := range v.PeerAuthentications {
		byRef[ref(model.KindPeerAuthentication, pa)] = pa
	}
	return byRef
}

func peerSelector(pa *istiosecurityv1.PeerAuthentication) map[string]string {
	return pa.Spec.GetSelector().GetMatchLabels()
}

// peerModeAt is the mode that the object itself says for a port; empty: it leaves it to others.
func peerModeAt(pa *istiosecurityv1.PeerAuthentication, port uint32) meshtlsv1alpha1.AcceptMode {
	if mode := istio.ModeOf(pa.Spec.GetPortLevelMtls()[port]); mode != "" {
		return mode
	}
	return istio.ModeOf(pa.Spec.GetMtls())
}
