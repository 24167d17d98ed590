// Package pulse notes how old what the operator's watches tell is, so that readiness can say so.
//
// It stands between the clients and the network and looks at the requests for
// watches alone: when one was answered, when bytes came, when it ended. It
// changes no request and no answer, and it knows nothing of objects.
//
// A watch that is open may be silent for long: the API server ends each after
// ten minutes at most, and the client asks again. One that was silent for longer
// is held by something that swallows what comes. One that is not open cannot be
// had: what is known is as old as its end.
package pulse
