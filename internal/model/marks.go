package model

// Istio's marks: the labels and annotations by which it knows what an object or a pod is to it.
const (
	// LabelTag, on a webhook configuration or a Service of the control plane, names a revision tag; istio.io/rev is its revision.
	LabelTag = "istio.io/tag"
	// LabelTLSMode, on a pod or a WorkloadEntry, says whether the endpoint takes the mesh's mutual TLS.
	LabelTLSMode = "security.istio.io/tlsMode"
	// LabelDataplaneMode, on a namespace or a pod, says whether the pods are part of the ambient mesh.
	LabelDataplaneMode = "istio.io/dataplane-mode"
	// LabelUseWaypoint, on a namespace, Service or pod, names the waypoint that it is reached through.
	LabelUseWaypoint = "istio.io/use-waypoint"
	// LabelInjection, on a namespace, is enabled or disabled.
	LabelInjection = "istio-injection"
	// LabelInject, on a pod, is true or false, and was an annotation once.
	LabelInject = "sidecar.istio.io/inject"
	// LabelUntranslated, on a Service, keeps its ports from being led to their targets where Gateways name them.
	LabelUntranslated = "experimental.istio.io/disable-gateway-port-translation"
	// LabelGatewayName, on a pod, names the Gateway of the Gateway API that it was made for, and LabelGatewayClass its class.
	LabelGatewayName  = "gateway.networking.k8s.io/gateway-name"
	LabelGatewayClass = "gateway.networking.k8s.io/gateway-class-name"
	// WaypointClass is the class of the Gateways that are waypoints.
	WaypointClass = "istio-waypoint"

	// AnnotationSidecarStatus is set by the injector on a pod that it gave a proxy, AnnotationRevision with its revision.
	AnnotationSidecarStatus = "sidecar.istio.io/status"
	AnnotationRevision      = "istio.io/rev"
	// AnnotationTemplates names the templates of the injector that a pod asks for, comma-separated.
	AnnotationTemplates = "inject.istio.io/templates"
	// AnnotationRedirection is set on a pod whose traffic has been handed to ztunnel.
	AnnotationRedirection = "ambient.istio.io/redirection"
	// AnnotationInterception says how connections get to the pod's sidecar.
	AnnotationInterception = "sidecar.istio.io/interceptionMode"
	// AnnotationRewriteProbes, if false, keeps the injector from sending the kubelet's probes to the agent.
	AnnotationRewriteProbes = "sidecar.istio.io/rewriteAppHTTPProbers"
	// AnnotationExcludeInbound names inbound ports that the proxy does not see; AnnotationIncludeInbound the only ones that it does.
	AnnotationExcludeInbound = "traffic.sidecar.istio.io/excludeInboundPorts"
	AnnotationIncludeInbound = "traffic.sidecar.istio.io/includeInboundPorts"
	// The annotations below say which outbound connections the proxy sees.
	AnnotationIncludeOutboundRanges = "traffic.sidecar.istio.io/includeOutboundIPRanges"
	AnnotationExcludeOutboundRanges = "traffic.sidecar.istio.io/excludeOutboundIPRanges"
	AnnotationIncludeOutboundPorts  = "traffic.sidecar.istio.io/includeOutboundPorts"
	AnnotationExcludeOutboundPorts  = "traffic.sidecar.istio.io/excludeOutboundPorts"
	// AnnotationExportTo, on a Service, names the namespaces that see it, comma-separated.
	AnnotationExportTo = "networking.istio.io/exportTo"
	// AnnotationDryRun, on an AuthorizationPolicy, has sidecars count what it would do instead of doing it.
	AnnotationDryRun = "istio.io/dry-run"
	// AnnotationIngressClass, on an Ingress, names its class in the old way.
	AnnotationIngressClass = "kubernetes.io/ingress.class"
)

// ProxyContainer is the proxy that is injected into a pod, or that a gateway is.
const ProxyContainer = "istio-proxy"
