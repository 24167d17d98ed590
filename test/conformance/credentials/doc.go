// Package credentials asks Istio which Secrets it gives to proxies, over the
// worlds in which package lint looks into credentials, and compares: where a
// server or a client is left without what it needs, lint finds an error, and
// nowhere else.
package credentials
