// Package render writes a Plan down as Istio objects: their names, labels and
// owners, and the TLS settings in Istio's own words.
//
// It decides nothing about who wins (translate) and nothing about what is in
// the cluster (apply): the same plan always gives the same objects. A name says
// what an object governs, not which policy asked for it, because in Istio age is
// priority: an object that was renamed would be young again.
//
// Encode is the only way from an object to JSON or YAML. Istio's own marshaller
// leaves out zero values, so that a DISABLE or PASSTHROUGH would read as tls: {}.
package render
