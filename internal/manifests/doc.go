// Package manifests reads manifest files into a client.Reader, so that gather
// reads a folder as it reads a cluster.
//
// It is strict with the kinds it knows: an unknown field, a duplicate key or an
// object that the CRD would not admit is an error that names the file and the
// document. Kinds it does not know are passed over and counted. What an API
// server adds when objects are created it adds where a compile depends on it:
// the defaults of our CRD and the pods of controllers' templates, but no
// creation times, no UIDs and no sidecars.
//
// It writes nothing and decides nothing.
package manifests
