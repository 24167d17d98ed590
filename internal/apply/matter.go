package apply

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// matters reports whether a change may not be made after another that failed. It may not if both belong to one policy, and where the
// failed one leaves pods, a host or a gateway to an older state that the change would expose, or that does not fit it.
func matters(failed, c *change, services []model.Service) bool {
	return sharesPolicy(failed, c) || (exposes(failed, c) && reachOf(failed, services).meets(reachOf(c, services)))
}

// exposes says whether a change shows what another leaves as it is, where one and the same server, host or gateway can feel both.
func exposes(failed, c *change) bool {
	switch {
	case failed.ref.Kind != c.ref.Kind:
		return true
	case c.ref.Kind == model.KindPeerAuthentication:
		return reliesOn(c)
	case c.ref.Kind == model.KindDestinationRule:
		return c.want == nil || breadthOf(c) > breadthOf(failed)
	default:
		return true
	}
}

func sharesPolicy(a, b *change) bool {
	return slices.ContainsFunc(a.owners(), func(one metav1.OwnerReference) bool {
		return slices.ContainsFunc(b.owners(), func(other metav1.OwnerReference) bool { return one.UID == other.UID })
	})
}

// reliesOn reports whether the change leaves pods to what another PeerAuthentication says. One that says everything itself for fewer pods
// does not: only deletions do, what covers all pods, and what begins to follow a wider scope.
func reliesOn(c *change) bool {
	return c.want == nil || c.isWide() || follows(acceptSpec(c.live), acceptSpec(c.want))
}

// meet reports whether a pod can match both selectors.
func meet(a, b map[string]string) bool {
	for key, value := range a {
		if other, there := b[key]; there && other != value {
			return false
		}
	}
	return true
}

// hostsMeet reports whether a destination can match both hosts.
func hostsMeet(a, b string) bool {
	aSuffix, aWild := strings.CutPrefix(a, "*")
	bSuffix, bWild := strings.CutPrefix(b, "*")
	switch {
	case aWild && bWild:
		return strings.HasSuffix(aSuffix, bSuffix) || strings.HasSuffix(bSuffix, aSuffix)
	case aWild:
		return strings.HasSuffix(b, aSuffix)
	case bWild:
		return strings.HasSuffix(a, bSuffix)
	default:
		return a == b
	}
}

// serversOf returns the selectors of the host's pods: those of the namespace's Services that it names. Other hosts lead elsewhere.
func serversOf(host string, services []model.Service) []map[string]string {
	var servers []map[string]string
	for _, s := range services {
		name := s.Name + "." + s.Namespace + ".svc."
		if host == s.Name || strings.HasPrefix(host, name) || strings.TrimSuffix(name, ".svc.") == host ||
			(strings.HasPrefix(host, "*") && hostsMeet(host, name+clusterDomainOf(host))) {
			servers = append(servers, s.Selector)
		}
	}
	return servers
}

// clusterDomainOf returns what comes after .svc. in the host, or else Kubernetes' default.
func clusterDomainOf(host string) string {
	_, domain, _ := strings.Cut(host, ".svc.")
	return cmp.Or(domain, "cluster.local")
}

func breadthOf(c *change) int { return breadth(sendSpec(c.either())) }

func hostOf(c *change) string { return sendSpec(c.either()).GetHost() }

// selectorOf returns the labels of the pods that a PeerAuthentication or a Gateway is for.
func selectorOf(c *change) map[string]string {
	if c.ref.Kind == model.KindGateway {
		return gatewaySpec(c.either()).GetSelector()
	}
	return acceptSpec(c.either()).GetSelector().GetMatchLabels()
}

// either returns the object as planned, or else as it is.
func (c *change) either() object {
	if c.want != nil {
		return c.want
	}
	return c.live
}
