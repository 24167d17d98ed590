// Package sandbox gives programs and connections a place of their own on this machine: network, mount and process namespaces with
// a root folder, held by one process, as a container runtime's sandbox holds a pod.
//
// The namespaces have no names and nothing of them is in the host's: no link, no mount, no file in /run/netns. They are there as
// long as their first process is, and it ends with the process that started it, by whatever signal. So nothing has to be swept
// after a kill: the kernel does it.
//
// A program is run inside with Command. A connection needs no program: Dial and Listen open sockets inside, and the caller uses
// them from where it is.
//
// It needs root and util-linux (unshare, nsenter, setpriv), and knows nothing of pods, meshes or addresses.
package sandbox
