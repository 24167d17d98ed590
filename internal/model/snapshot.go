package model

import (
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Snapshot is everything that the compile of one namespace depends on. The pointers in it are shared with the reader's cache:
// nobody changes what they point to.
type Snapshot struct {
	// Namespace is the namespace that is compiled.
	Namespace string
	// Policies are the policies of the namespace that are not being deleted, in any order.
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	// RootPolicies are the policies of Istio's root namespace, likewise; empty where that is the namespace compiled.
	RootPolicies []*meshtlsv1alpha1.MeshTLSPolicy
	// Stepwise says that the plan is written by and by: it holds the next step from what is live to what the policies ask. Else it holds
	// what they ask.
	Stepwise bool
	// NoAudit says why audit policies cannot be written, as a full sentence. Empty: they can.
	NoAudit string
	// Inventory is the mesh: all of it, or the namespace with everything that bears on its policies. The compile of both is the same.
	Inventory
}

// Live returns the namespace's objects of the kinds that are rendered, ours and foreign.
func (s Snapshot) Live() Objects {
	return Objects{
		PeerAuthentications: InNamespace(s.PeerAuthentications, s.Namespace),
		DestinationRules:    InNamespace(s.DestinationRules, s.Namespace),
		Gateways:            InNamespace(s.Gateways, s.Namespace),

		AuthorizationPolicies: InNamespace(s.AuthorizationPolicies, s.Namespace),
	}
}

// OwnServices returns the Services of the namespace.
func (s Snapshot) OwnServices() []Service {
	return slices.DeleteFunc(slices.Clone(s.Services), func(service Service) bool { return service.Namespace != s.Namespace })
}

// Host is a destination that the mesh knows.
type Host struct {
	// Name is fully qualified, or a wildcard as a ServiceEntry may declare it.
	Name string
	// Namespace is where the declaring Service or ServiceEntry lives.
	Namespace string
	// External says that the destination is outside the mesh (a ServiceEntry that is MESH_EXTERNAL, Istio's default for them).
	External bool
	// Ports are the destination's port numbers, ascending.
	Ports []int32
}
