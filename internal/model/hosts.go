package model

import (
	"cmp"
	"slices"
)

// OrderedHosts returns the hosts by name, and those of one name with the compiled namespace's own first: Istio too prefers the
// declaration nearest to the client.
func (s Snapshot) OrderedHosts() []Host {
	ordered := slices.Clone(s.Hosts)
	slices.SortFunc(ordered, func(a, b Host) int {
		return cmp.Or(
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(distance(a, s.Namespace), distance(b, s.Namespace)),
			cmp.Compare(a.Namespace, b.Namespace),
		)
	})
	return ordered
}

// distance is 0 for what the namespace declares itself.
func distance(h Host, namespace string) int {
	if h.Namespace == namespace {
		return 0
	}
	return 1
}

// HostsByName indexes hosts that are ordered: of those of one name the first counts.
func HostsByName(ordered []Host) map[string]Host {
	byName := make(map[string]Host, len(ordered))
	for _, h := range ordered {
		if _, taken := byName[h.Name]; !taken {
			byName[h.Name] = h
		}
	}
	return byName
}

// SortHosts orders destinations by name, then by namespace, those of the mesh before those outside.
func SortHosts(all []Host) {
	slices.SortFunc(all, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(outside(a), outside(b)))
	})
}

// outside is 0 for what is of the mesh.
func outside(h Host) int {
	if h.External {
		return 1
	}
	return 0
}
