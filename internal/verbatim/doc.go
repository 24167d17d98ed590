// Package verbatim keeps what Istio's Go types do not know.
//
// A mesh may run an Istio that is newer than these types. A field of that Istio
// is no field of the type, and a decoder passes it over; what is then composed
// from the object, or compared with it, is less than what its owner wrote. So
// the kinds that are composed from, compared and imported are decoded by types
// of this package. What a message does not know stays with that message, as
// JSON: whoever copies the message copies it, whoever compares two messages
// compares it, and Restore puts it back where the object is written down.
//
// It does not know what a kept field means, and nothing is decided by one. A
// value that is unknown in a message about TLS is an error, as it was: it would
// be read as another value.
package verbatim
