// Package live runs the whole once: a real API server, a real istiod, and the operator beside it. Policies are applied as a user
// applies them, and istiod's own debug endpoints say what two proxies, a client and a server, are given.
//
// What is right in general is the business of the scenarios and properties beside it; here it is seen that the parts fit. Everything
// listens on loopback, and ends with the test.
package live
