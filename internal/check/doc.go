// Package check finds what a user should know about the policies of a
// namespace once it is known what will be written for them.
//
// Each check is one pure function with a name, stands alone, and says which
// kinds it reads; the registry lists them all. A check does not decide what is
// rendered (translate does) and does not word conditions (status does). Checks
// are quiet: they speak of what the snapshot shows, and do not guess.
package check
