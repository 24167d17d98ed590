// Package admission does to a custom resource what an API server does when it
// is created: it finds unknown fields, fills in the defaults of the CRD, and
// checks the object against the CRD's schema and CEL rules. It uses the API
// server's own code for each.
//
// It serves files, which no API server has seen, and tests. It knows nothing
// of other admission (webhooks, policies, quotas, name rules).
package admission
