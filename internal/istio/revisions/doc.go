// Package revisions knows the revisions of Istio's control plane: which name in
// a label istio.io/rev is a revision and which a tag that stands for one, which
// control plane serves a pod, and which one reads an object.
//
// It knows only what webhook configurations and Services of the control plane
// say. An object may name a revision of which there is no trace: it is taken
// for a revision.
package revisions
