// Package lint finds what is wrong with the TLS of a mesh, in Istio's own
// objects, whoever wrote them.
//
// Each check is one pure function with a name, stands alone, and says which
// kinds it reads; the registry lists them all. A check judges what Istio makes
// of the objects together with the pods that they are for, and is quiet where
// it cannot know: no pods, no claim. Where it argues from something that is not
// there, it does not speak of a partial inventory.
//
// It does not know MeshTLSPolicy: what a policy asks for and does not get is for
// package check, which also tells policies what lint finds in their objects.
package lint
