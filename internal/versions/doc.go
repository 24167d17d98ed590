// Package versions knows what differs between Istio's minor versions: which
// fields of its API came with which, and which versions were tested.
//
// What a mesh has is not concluded from a version: the CRDs of the mesh say which
// fields it takes, whoever installed them and when. The version is for the words.
package versions
