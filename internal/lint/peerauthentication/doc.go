// Package peerauthentication holds the checks of PeerAuthentications: whether what they say
// holds, for whom, and who is hurt by it.
//
// It imports no package of another kind's checks: what two kinds need is a
// question for package mesh.
package peerauthentication
