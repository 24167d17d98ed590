// Command demo shows the operator at work, with nothing installed: it starts a real control plane, installs the operator's
// manifests, runs bin/manager with the rights that these give, applies config/samples, waits until every policy is settled, and
// prints each policy with its conditions and what was rendered for it.
//
// It ends with 0 only if every policy says what it is expected to say: Ready, or the reason in its annotation
// demo.meshtls.dev/expect. With KEEP=1 it leaves everything running until Ctrl-C.
//
// It decides nothing about policies and knows nothing of how they are compiled: it is a user who types commands.
package main
