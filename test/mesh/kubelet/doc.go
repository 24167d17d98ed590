// Package kubelet runs the pods of an API server on this machine, each in a sandbox of its own.
//
// Of a pod's containers it runs Istio's, as programs and with what the pod's spec says: arguments, environment, volumes, user,
// init containers first, probes. Every other container is the application of package app, which needs no image: it serves each
// TCP port that the container declares. An argument PORT=KIND gives a port another kind of server than app.Any.
//
// Pods without a node are taken as soon as they exist, as if there were a scheduler and it had one node to choose from. Their
// status says when they are ready, and their logs are in the folder of the control plane. Through Handler the API server reaches
// their ports (kubectl port-forward) and runs commands in them (kubectl exec).
//
// It restarts nothing, evicts nothing, and refreshes no volume once a pod runs.
package kubelet
