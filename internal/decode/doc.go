// Package decode reads objects of which some may not be what Go's types expect.
//
// A CRD of another release may have let through what today's types have no
// place for. Go decodes a list as a whole, so one such object would hide all
// others of its kind, in every namespace, for as long as it is there. Here it
// comes as an object of its kind with nothing but its metadata and a mark that
// says why (model.Undecoded).
//
// It does not decide what follows for a policy: gather keeps marked objects
// apart, and a check says what is not known because of them.
package decode
