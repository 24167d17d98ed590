package istio

import (
	"fmt"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// peerIndex holds the PeerAuthentications, oldest first.
type peerIndex struct {
	root string
	// wide are those without a selector, by namespace.
	wide map[string][]*istiosecurityv1.PeerAuthentication
	// selecting are those with one.
	selecting map[string]selectorIndex[*istiosecurityv1.PeerAuthentication]
}

func indexPeers(root string, all []*istiosecurityv1.PeerAuthentication) peerIndex {
	index := peerIndex{
		root:      root,
		wide:      map[string][]*istiosecurityv1.PeerAuthentication{},
		selecting: map[string]selectorIndex[*istiosecurityv1.PeerAuthentication]{},
	}
	selecting := map[string][]*istiosecurityv1.PeerAuthentication{}
	for _, pa := range OldestFirst(all) {
		if len(peerSelector(pa)) == 0 {
			index.wide[pa.Namespace] = append(index.wide[pa.Namespace], pa)
		} else {
			selecting[pa.Namespace] = append(selecting[pa.Namespace], pa)
		}
	}
	for namespace, peers := range selecting {
		index.selecting[namespace] = indexSelectors(peers, peerSelector)
	}
	return index
}

func peerSelector(pa *istiosecurityv1.PeerAuthentication) map[string]string {
	return pa.Spec.GetSelector().GetMatchLabels()
}

func (i peerIndex) mesh() *istiosecurityv1.PeerAuthentication { return first(i.wide[i.root]) }

// namespaceWide returns the one for the namespace; the root namespace has none besides the mesh's.
func (i peerIndex) namespaceWide(namespace string) *istiosecurityv1.PeerAuthentication {
	if namespace == i.root {
		return nil
	}
	return first(i.wide[namespace])
}

// levelsOf picks the oldest of each scope. Those with a selector are not merged: the oldest is used whole. One with a selector in
// the root namespace is never used.
// Source: istio pilot/pkg/model/authentication.go, addPeerAuthentication and getConfigsForWorkload;
// pilot/pkg/security/authn/policy_applier.go, ComposePeerAuthentication.
func (i peerIndex) levelsOf(w *model.Workload) peerLevels {
	levels := peerLevels{mesh: i.mesh(), namespace: i.namespaceWide(w.Namespace)}
	if w.Namespace != i.root {
		levels.workload, _ = i.selecting[w.Namespace].first(w.Labels)
	}
	return levels
}

func first(peers []*istiosecurityv1.PeerAuthentication) *istiosecurityv1.PeerAuthentication {
	if len(peers) == 0 {
		return nil
	}
	return peers[0]
}

// ignored lists the objects that are for the workload and that nothing is taken from.
func (i peerIndex) ignored(w *model.Workload, levels peerLevels) []IgnoredPeer {
	ignored := losers(i.wide[i.root], levels.mesh, "for the mesh")
	if w.Namespace != i.root {
		ignored = append(ignored, losers(i.wide[w.Namespace], levels.namespace, "for the namespace")...)
		ignored = append(ignored, losers(i.selecting[w.Namespace].matching(w.Labels), levels.workload, "for these pods")...)
	}
	for _, pa := range i.selecting[i.root].matching(w.Labels) {
		ignored = append(ignored, IgnoredPeer{Object: peerRef(pa),
			Why: "Istio ignores a PeerAuthentication with a selector in the root namespace."})
	}
	sortIgnored(ignored)
	return ignored
}

func losers(candidates []*istiosecurityv1.PeerAuthentication, winner *istiosecurityv1.PeerAuthentication, scope string) []IgnoredPeer {
	var ignored []IgnoredPeer
	for _, pa := range candidates {
		if pa != winner {
			ignored = append(ignored, IgnoredPeer{Object: peerRef(pa), Winner: peerRef(winner),
				Why: fmt.Sprintf("Istio uses only the oldest PeerAuthentication %s, which is %s/%s.", scope, winner.Namespace, winner.Name)})
		}
	}
	return ignored
}
