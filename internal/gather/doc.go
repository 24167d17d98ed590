// Package gather is the only reader: it turns what a client.Reader shows of a
// cluster into a model.Snapshot, everything that the compile of one namespace
// depends on. The reader may be the manager's cache or manifest files.
//
// It decides nothing: what the snapshot means is translate's matter. It writes
// nothing, and it looks up by index what lies outside the namespace, so that
// the cost of a snapshot does not grow with the cluster.
//
// What it reads it does not copy: objects are shared with the reader's cache,
// and nobody may change them.
package gather
