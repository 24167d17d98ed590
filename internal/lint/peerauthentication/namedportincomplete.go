package peerauthentication

import (
	"fmt"
	"slices"
	"strings"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	checks.Add(lint.Check{
		About: lint.About{
			Name:     "peerauthentication-named-port-incomplete",
			Severity: []lint.Severity{lint.Warning},
			Classes:  []string{"M13"},
			Finds: "a mode for one number of a port that the Service names and that has other numbers on other pods, which accept " +
				"something else.",
			Why: "`portLevelMtls` knows numbers only. The port that clients see as one is in two modes.",
			Fix: "List all the numbers, or give the port one number.",
		},
		Find: namedPortIncomplete,
	})
}

// namedPortIncomplete tells of modes for some of the numbers that one named port of a Service has on the pods, where
// the others accept something else.
func namedPortIncomplete(v *mesh.View) []model.Finding {
	var findings []model.Finding
	for _, pa := range selectingPeers(v) {
		if len(pa.Spec.GetPortLevelMtls()) == 0 {
			continue
		}
		ports := v.ServicePorts(v.Selected(pa.Namespace, peerSelector(pa))...)
		for _, covered := range ports {
			if _, said := pa.Spec.GetPortLevelMtls()[portKey(covered.Target)]; !said {
				continue
			}
			for _, other := range ports {
				if siblings(covered, other) {
					findings = append(findings, incomplete(v, pa, covered, other)...)
				}
			}
		}
	}
	return findings
}

// siblings reports whether both are one port of a Service, on different pods.
func siblings(p, other mesh.ServicePort) bool {
	return p.Service == other.Service && p.Port == other.Port && p.Target != other.Target
}

func incomplete(v *mesh.View, pa *istiosecurityv1.PeerAuthentication, covered, other mesh.ServicePort) []model.Finding {
	mode := peerModeAt(pa, portKey(covered.Target), "")
	if _, said := pa.Spec.GetPortLevelMtls()[portKey(other.Target)]; said || mode == "" {
		return nil
	}
	differ := slices.DeleteFunc(slices.Clone(other.Pods), func(w *model.Workload) bool {
		return v.AcceptedAt(w, other.Target).Mode == mode
	})
	if len(differ) == 0 {
		return nil
	}
	f := lint.Finding(lint.Warning, model.KindPeerAuthentication, pa, fmt.Sprintf("spec.portLevelMtls[%d]", covered.Target))
	f.Message = fmt.Sprintf("Service %s leads its port %d to the port named %s, which is %d on some of the pods and %d on %s. %d is "+
		"not listed, and accepts %s there instead of %s.",
		covered.Service.Name, covered.Port, covered.TargetPort.StrVal, covered.Target, other.Target, lint.CountPods(differ), other.Target,
		istioMode(v.Accept(lint.FirstPod(differ)).Port(other.Target).Mode), istioMode(mode))
	f.Remedy = fmt.Sprintf("List port %d too, or give the port one number in all pods.", other.Target)
	return []model.Finding{f}
}

// istioMode returns the mode in Istio's words.
func istioMode(mode meshtlsv1alpha1.AcceptMode) string { return strings.ToUpper(string(mode)) }
