// Package upgrade holds the spec of an upgrade: Helm itself installs the chart
// as it was before it was last changed, with values of every kind, and upgrades
// it to the chart as it is, on a real control plane with the operator. Nothing
// that the operator has written may be written again.
package upgrade
