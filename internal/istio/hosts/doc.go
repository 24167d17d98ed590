// Package hosts knows the names of destinations: how a short name becomes a
// fully qualified one, and which wildcards cover a name.
//
// It does not know which destinations exist: gather reads them.
package hosts
