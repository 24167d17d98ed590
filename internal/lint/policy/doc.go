// Package policy finds what a user should know about the policies of a
// namespace once it is known what will be written for them.
//
// Each check is one pure function with a name, in a file of that name. It asks a
// view of the mesh as it will be when the rendered objects are written
// (package mesh), and the plan. A check does not decide what is rendered
// (translate does) and does not word conditions (status does). Checks are quiet:
// they speak of what the snapshot shows, and do not guess.
//
// Attributed gives the policies what the checks of package lint find in their
// objects, in the policies' own fields.
package policy
