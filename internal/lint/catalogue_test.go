package lint_test

// mistake is a mistake that is known to be made with TLS in Istio, as docs/findings.md lists it.
type mistake struct {
	// class is the name that checks know it by.
	class string
	// words say what it is, and note what else there is to say about finding it, as Markdown.
	words, note string
}

// catalogue lists the mistakes in order.
var catalogue = []mistake{
	{
		class: "M01", words: "A rule has clients send plaintext to pods that accept only mutual TLS",
	},
	{
		class: "M02", words: "A rule has clients use mutual TLS toward pods that take none",
	},
	{
		class: "M03", words: "Mutual TLS to a workload without a proxy, or to a port that its proxy does not see",
	},
	{
		class: "M04", words: "A rule has clients use other TLS toward pods that accept only the mesh's",
	},
	{
		class: "M05", words: "STRICT, and callers that have no proxy",
		note: "Who else calls without a proxy the objects do not tell; the servers' metrics do: `istio_requests_total` " +
			"with `connection_security_policy=\"none\"`, before STRICT.",
	},
	{
		class: "M06", words: "STRICT, and clients that connect to the addresses of pods",
		note: "Calls of a pod's address without a Service are in no object: look at the servers' metrics, as for M05.",
	},
	{
		class: "M07", words: "Several PeerAuthentications for one namespace, or for the mesh",
	},
	{
		class: "M08", words: "PeerAuthentications whose selectors meet on a pod",
	},
	{
		class: "M09", words: "A PeerAuthentication that selects no pod",
	},
	{
		class: "M10", words: "A PeerAuthentication with a selector in the root namespace",
	},
	{
		class: "M11", words: "A PeerAuthentication meant for one workload, written without a selector",
		note: "Not decided: the object is a correct one for the namespace, and does not hold what was meant. A " +
			"MeshTLSPolicy names its target, and shows it in the column TARGET.",
	},
	{
		class: "M12", words: "A port of a Service in `portLevelMtls`, which knows the pods' ports only",
	},
	{
		class: "M13", words: "A named port that has another number on some pods",
	},
	{
		class: "M14", words: "A port in `portLevelMtls` at which nobody listens",
	},
	{
		class: "M15", words: "Two Services in front of the same pods, with different intents",
		note: "Between policies [`accept-conflict`](#accept-conflict). Plain objects hold no intent for a Service: a " +
			"port of a pod has one mode, and what clients of either Service send contrary to it is M01 or M02.",
	},
	{
		class: "M16", words: "DISABLE for pods in ambient mode",
	},
	{
		class: "M17", words: "Two rules of a namespace for one host, each with a `trafficPolicy`",
	},
	{
		class: "M18", words: "A rule of the clients' namespace hides that of the host's owner",
	},
	{
		class: "M19", words: "A rule lies where no client looks it up",
	},
	{
		class: "M20", words: "A rule for some pods takes the owner's rule from the others",
	},
	{
		class: "M21", words: "Settings for a port drop the TLS of the destination",
	},
	{
		class: "M22", words: "TLS settings without a mode",
	},
	{
		class: "M23", words: "A short or misspelt host, which is no Service's",
	},
	{
		class: "M24", words: "TLS of a subset that nothing is routed to",
	},
	{
		class: "M25", words: "A subset whose labels no pod has",
	},
	{
		class: "M26", words: "A credential for sidecars in a rule without `workloadSelector`",
	},
	{
		class: "M27", words: "The ServiceAccount of a client may not list Secrets, so Istio gives its proxy none",
		note: "Not decided: the objects do not hold the answer of the API server. Ask it: `kubectl auth can-i list " +
			"secrets -n <namespace> --as system:serviceaccount:<namespace>:<name>`.",
	},
	{
		class: "M28", words: "TLS toward a host of the cluster without an authority to verify it by",
	},
	{
		class: "M29", words: "TLS that verifies nobody",
	},
	{
		class: "M30", words: "A port for HTTPS that is declared HTTP",
	},
	{
		class: "M31", words: "TLS around a port that carries TLS already",
	},
	{
		class: "M32", words: "A gateway passes TLS through and encrypts it once more towards the destination",
	},
	{
		class: "M33", words: "A gateway ends TLS, and the VirtualService routes by `tls`",
	},
	{
		class: "M34", words: "A gateway passes TLS through, and the VirtualService routes by `http` or `tcp`",
	},
	{
		class: "M35", words: "A server has a certificate but no mode",
	},
	{
		class: "M36", words: "Two servers of the same pods have one host on one port",
	},
	{
		class: "M37", words: "Servers of the same pods speak different protocols on one port",
	},
	{
		class: "M38", words: "One certificate serves several servers at one address",
	},
	{
		class: "M39", words: "A server has hosts, and clients or load balancers name none in the handshake",
		note: "Not decided: the objects do not say what clients send. Look at what the load balancer's health checks and " +
			"the clients send as server name: `openssl s_client -connect <address>:443 -noservername`. A server with " +
			"host `*` answers them, too.",
	},
	{
		class: "M40", words: "A credential that is missing, in another namespace, without the right keys, or expired",
	},
	{
		class: "M41", words: "Clients must show a certificate, and there is no CA to verify it by",
	},
	{
		class: "M42", words: "A Secret `X-cacert` that is left over takes the place of the CA in `X`",
	},
	{
		class: "M43", words: "A certificate that is not for the host, has another key, or an incomplete chain",
	},
	{
		class: "M44", words: "A Gateway selects no pods, or pods of several namespaces",
	},
	{
		class: "M45", words: "A Gateway's port is not on the gateway's Service, or below 1024 in the pods",
		note: "A port that the pods may not open is not decided, since that depends on what the gateway says when it " +
			"connects to Istio: look for \"skipping privileged gateway port\" in istiod's log.",
	},
	{
		class: "M46", words: "TLS versions or cipher suites that do not fit together, or that nobody knows",
	},
	{
		class: "M47", words: "TLS versions or cipher suites beside `ISTIO_MUTUAL`",
	},
	{
		class: "M48", words: "A VirtualService names a Gateway that does not exist, has none of its hosts, or does not get it",
	},
	{
		class: "M49", words: "A wildcard with the mesh's mutual TLS covers hosts that are not of the mesh",
	},
	{
		class: "M50", words: "From DISABLE to STRICT in one step, or back",
		note: "Not decided: it is a change, and the objects show a state. Go through PERMISSIVE, and on when all clients " +
			"have the new configuration (`istioctl proxy-status`).",
	},
	{
		class: "M51", words: "Pods without a proxy where STRICT is thought to protect them",
	},
	{
		class: "M52", words: "An AuthorizationPolicy that asks who the caller is, where plaintext is accepted",
	},
	{
		class: "M53", words: "A workload that is stricter than the DISABLE of its namespace or mesh",
	},
	{
		class: "M54", words: "A Sidecar that does not list what its pods call",
		note: "Where the pods accept plaintext too, the call gets through, without TLS; `kubectl meshtls explain` says so.",
	},
	{
		class: "M55", words: "A PeerAuthentication that is called after a Service, and is for the whole namespace",
	},
}
