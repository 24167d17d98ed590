// Package destinations knows what clients of a mesh can call: the hosts that
// Services and ServiceEntries declare, their ports with protocols, and the pods
// that these lead to.
//
// It puts together what objects say. What is sent to a destination, and what its
// pods accept, is asked of package istio; where a VirtualService sends what
// is called, of package routes; and which names a wildcard covers, of package
// hosts. Endpoints that are no pods are not in it.
package destinations
