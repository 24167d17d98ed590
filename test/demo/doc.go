// Command demo shows the operator at work, with nothing installed: it starts a real mesh, installs the operator's manifests, runs
// bin/manager with the rights that these give, applies config/samples, waits until every policy is settled, and prints the table of all
// policies. Then the pods of the samples call each other, and a table says for each client and server what was sent, what arrived, and
// which policies decided it. With VERBOSE=1 it also prints each policy with its conditions and what was rendered for it. Where there can
// be no mesh, there is a control plane alone, and no traffic.
//
// It ends with 0 only if every policy says what it is expected to say, Ready or the reason in its annotation
// demo.meshtls.dev/expect, and if kubectl meshtls lint and explain say the same of the cluster. With KEEP=1 it leaves everything
// running until Ctrl-C, and the pods go on calling.
//
// It decides nothing about policies and knows nothing of how they are compiled: it is a user who types commands.
package main
