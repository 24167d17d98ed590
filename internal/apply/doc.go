// Package apply makes the Istio objects of a namespace equal a list of objects, in a safe order.
//
// It writes by server-side apply as one field manager, and only what differs:
// a pass over a cluster that is as planned costs no request. It owns exactly
// what it is given: keys that others add inside the spec of our objects are
// taken out again, while their labels and annotations are left alone. An
// object without our label is never touched, whatever its name.
//
// It does not decide what the objects are (translate, render) nor what to tell
// the user (status), and it reads nothing: the live objects come from the
// snapshot, so they are as old as the reader's cache.
//
// It fails static. A write that fails holds back what comes after it, and
// nothing is deleted until every write succeeded: an object that we failed to
// write may be what keeps a connection refused, and a policy must not be
// loosened because of a network error.
package apply
