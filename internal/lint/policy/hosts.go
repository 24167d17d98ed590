package policy

import (
	"slices"

	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// knownHosts are the hosts that the namespace's clients see.
type knownHosts struct {
	seen []model.Host
	// byName has the first of each name.
	byName map[string]model.Host
}

// declared returns the destinations that a host of a send means: the host itself, or each host that its wildcard covers. A declared
// wildcard above an exact host is another destination: Istio looks up DestinationRules by the wildcard's name, not by the exact host's.
// Source: istio pilot/pkg/model/config.go, MostSpecificHostMatch.
func (k knownHosts) declared(host string) []model.Host {
	if h, ok := k.byName[host]; ok {
		return []model.Host{h}
	}
	if !hosts.IsWildcard(host) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(k.seen), func(h model.Host) bool { return !hosts.Covers(host, h.Name) })
}

// declaredAbove returns the narrowest wildcard above the host that somebody declares; empty: none.
func (k knownHosts) declaredAbove(host string) string {
	for _, wildcard := range hosts.Wildcards(host) {
		if _, ok := k.byName[wildcard]; ok {
			return wildcard
		}
	}
	return ""
}
