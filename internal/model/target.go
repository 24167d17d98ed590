package model

import meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"

// LabelsOf returns the labels by which the target itself selects pods: those that it lists, or the one that Istio gives the pods which it
// keeps for a Kubernetes Gateway. Nil: the target names a Service, which selects them.
// Source: istio manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml.
func LabelsOf(t *meshtlsv1alpha1.Target) map[string]string {
	switch {
	case t.Selector != nil:
		return t.Selector.MatchLabels
	case t.Gateway != nil:
		return map[string]string{LabelGatewayName: t.Gateway.Name}
	default:
		return nil
	}
}
