// Package source reads manifest files, or a live cluster once, into a
// client.Reader, so that gather reads either as it reads the operator's cache.
//
// It is strict with the kinds it knows: an unknown field, a duplicate key or an
// object that its CRD, ours or Istio's, would not admit is an error that names
// the file and the line; the Reader holds what is good beside it. Kinds it does
// not know are passed over and counted. It remembers where each object was
// written, down to the line of a field.
//
// What an API server and Istio's injector add when objects are created it adds
// where a compile depends on it: the defaults of our CRD, the pods of
// controllers' templates and their sidecars, but no creation times and no UIDs.
// Of a cluster it tells what the user may not list, so that nothing is concluded
// from what was not seen.
//
// It writes nothing and decides nothing.
package source
