// Package folder finds what a directory holds as the tools do that it is written
// for: kustomizations are built, by kustomize's own library, where no other
// kustomization refers to them; what belongs to a kustomization or to a Helm
// chart is not taken for a manifest; everything else is one that is called so.
//
// It fetches nothing: a base that is elsewhere is left out and told, and so are
// charts that a kustomization would have Helm inflate. It runs no program and
// no plugin. It does not read manifests: package source does.
package folder
