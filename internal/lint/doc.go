// Package lint says what a check is and runs checks over a view of a mesh: it
// mutes what users muted, says which condition an error lowers, and orders what
// was found.
//
// The checks themselves are in a package for each kind of object, one check in a
// file of its name; package all lists them. A check judges what Istio makes of
// the objects together with the pods that they are for, and stays silent where
// it cannot know: no pods, no claim. Where it argues from the absence of an
// object, it says nothing about a partial inventory. It asks the view: what two
// kinds of checks need to know is a question for package mesh, so no package of
// checks imports another.
//
// Lint does not know MeshTLSPolicy: what a policy asks for and does not get is
// for package policy, which also gives policies the findings about their
// objects.
package lint
