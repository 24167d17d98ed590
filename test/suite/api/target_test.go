package api_test

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("targets and verbs", func() { describe(targetRules) })

var targets = []string{"workload", "gateway"}

// targetRules are the rules of the targets, and the table of verbs and targets.
var targetRules = slices.Concat(
	verbRules,
	each(targets, func(target string) rule {
		return rule{
			name:    target + " by service and by selector",
			field:   "spec." + target,
			message: "name the pods either by service or by selector, or those of a gateway by gateway: exactly one of these",
			accepts: onTarget(target, `service: a`),
			refuses: onTarget(target, `service: a, selector: {matchLabels: {app: a}}`),
		}
	}),
	each(targets, func(target string) rule {
		return rule{
			name:    target + " by neither service nor selector",
			field:   "spec." + target,
			message: "name the pods either by service or by selector, or those of a gateway by gateway: exactly one of these",
			accepts: onTarget(target, `selector: {matchLabels: {app: a}}`),
			refuses: onTarget(target, ``),
		}
	}),
	[]rule{
		{
			name:    "gateway by a Kubernetes Gateway and by service",
			field:   "spec.gateway",
			message: "name the pods either by service or by selector, or those of a gateway by gateway: exactly one of these",
			accepts: onTarget("gateway", `gateway: {group: gateway.networking.k8s.io, name: web}`),
			refuses: onTarget("gateway", `service: a, gateway: {group: gateway.networking.k8s.io, name: web}`),
		},
		{
			name:    "workload by a Kubernetes Gateway",
			field:   "spec.workload.gateway",
			message: "the pods of a Gateway are a gateway: name it by gateway.gateway",
			accepts: onTarget("workload", `service: a`),
			refuses: onTarget("workload", `gateway: {group: gateway.networking.k8s.io, name: web}`),
		},
	},
	each(targets, func(target string) rule {
		return rule{
			name:    target + " with a Service's domain name",
			field:   "spec." + target + ".service",
			message: "service is the plain name of a Service of the policy's namespace: lower-case letters, digits and '-', without a domain or port",
			accepts: onTarget(target, `service: 3-scale`),
			refuses: onTarget(target, `service: a.shop.svc`),
		}
	}),
	each(targets, func(target string) rule {
		return rule{
			name:    target + " with a wildcard as a label's key",
			field:   "spec." + target + ".selector.matchLabels",
			message: "a label's key is a name of at most 63 letters, digits, '-', '_' and '.', with an optional domain and '/' before it; wildcards are not allowed",
			accepts: onTarget(target, `selector: {matchLabels: {app.kubernetes.io/name: a}}`),
			refuses: onTarget(target, `selector: {matchLabels: {"app*": a}}`),
		}
	}),
	each(targets, func(target string) rule {
		return rule{
			name:    target + " with a wildcard as a label's value",
			field:   "spec." + target + ".selector.matchLabels[app]",
			message: "a label's value has letters, digits, '-', '_' and '.', and begins and ends with a letter or digit; wildcards are not allowed",
			accepts: onTarget(target, `selector: {matchLabels: {app: ""}}`),
			refuses: onTarget(target, `selector: {matchLabels: {app: "pay*"}}`),
		}
	}),
)

// onTarget returns a spec with the target, and a verb that both targets have.
func onTarget(target, fields string) string {
	return target + `: {` + fields + `}
send: [{hosts: [b], mode: Disable}]`
}

var verbRules = []rule{
	{
		name:    "two targets",
		field:   "spec.gateway",
		message: "a policy has at most one target: keep workload or gateway, and write a second policy for the other",
		accepts: `{gateway: {service: edge}, send: [{hosts: [a], mode: Auto}]}`,
		refuses: `{workload: {service: a}, gateway: {service: edge}, send: [{hosts: [a], mode: Auto}]}`,
	},
	{
		name:    "no verb",
		field:   "spec",
		message: "the policy asks for nothing: set at least one of accept, send, terminate, passthrough and plaintext",
		accepts: `{workload: {service: a}, accept: {mode: Strict}}`,
		refuses: `{workload: {service: a}}`,
	},
	{
		name:    "accept on a gateway",
		field:   "spec.accept",
		message: "accept is for workloads: a gateway's inbound side is terminate, passthrough and plaintext",
		accepts: `{workload: {service: edge}, accept: {mode: Strict}}`,
		refuses: `{gateway: {service: edge}, accept: {mode: Strict}}`,
	},
	{
		name:    "accept.ports on a gateway",
		field:   "spec.accept",
		message: "accept is for workloads: a gateway's inbound side is terminate, passthrough and plaintext",
		accepts: `{workload: {service: edge}, accept: {ports: [{port: 8080, mode: Strict}]}}`,
		refuses: `{gateway: {service: edge}, accept: {ports: [{port: 8080, mode: Strict}]}}`,
	},
	{
		name:    "accept.floor on a gateway",
		field:   "spec.accept",
		message: "accept is for workloads: a gateway's inbound side is terminate, passthrough and plaintext",
		accepts: `{accept: {floor: Strict}}`,
		refuses: `{gateway: {service: edge}, accept: {floor: Strict}}`,
	},
	{
		name:    "accept.ports without a target",
		field:   "spec.accept.ports",
		message: "accept.ports needs workload: Istio has port modes only for named workloads; set workload.service or workload.selector",
		accepts: `{workload: {selector: {matchLabels: {app: a}}}, accept: {ports: [{port: 8080, mode: Permissive}]}}`,
		refuses: `{accept: {ports: [{port: 8080, mode: Permissive}]}}`,
	},
	{
		name:    "accept.floor on a workload",
		field:   "spec.accept.floor",
		message: "accept.floor binds a namespace or the mesh: set it in a policy without workload; for these workloads alone set accept.mode",
		accepts: `{accept: {mode: Strict, floor: Permissive}}`,
		refuses: `{workload: {service: a}, accept: {mode: Strict, floor: Permissive}}`,
	},
	{
		name:    "terminate without a target",
		field:   "spec.terminate",
		message: "terminate needs gateway: name the gateway's pods by gateway.service or gateway.selector",
		accepts: `{gateway: {service: edge}, terminate: [{port: 443, hosts: [a.example], credentialName: a}]}`,
		refuses: `{terminate: [{port: 443, hosts: [a.example], credentialName: a}]}`,
	},
	{
		name:    "terminate on a workload",
		field:   "spec.terminate",
		message: "terminate is for gateways: what a workload receives is accept; if these pods are a gateway, name them by gateway",
		accepts: `{gateway: {selector: {matchLabels: {istio: edge}}}, terminate: [{port: 443, hosts: [a.example], credentialName: a}]}`,
		refuses: `{workload: {service: a}, terminate: [{port: 443, hosts: [a.example], credentialName: a}]}`,
	},
	{
		name:    "passthrough without a target",
		field:   "spec.passthrough",
		message: "passthrough needs gateway: name the gateway's pods by gateway.service or gateway.selector",
		accepts: `{gateway: {service: edge}, passthrough: [{port: 443, hosts: [a.example]}]}`,
		refuses: `{passthrough: [{port: 443, hosts: [a.example]}]}`,
	},
	{
		name:    "passthrough on a workload",
		field:   "spec.passthrough",
		message: "passthrough is for gateways: what a workload receives is accept; if these pods are a gateway, name them by gateway",
		accepts: `{gateway: {service: edge}, passthrough: [{port: 15443, hosts: ["*.local"], routing: Auto}]}`,
		refuses: `{workload: {service: a}, passthrough: [{port: 443, hosts: [a.example]}]}`,
	},
	{
		name:    "plaintext without a target",
		field:   "spec.plaintext",
		message: "plaintext needs gateway: name the gateway's pods by gateway.service or gateway.selector",
		accepts: `{gateway: {service: edge}, plaintext: [{port: 80, hosts: [a.example]}]}`,
		refuses: `{plaintext: [{port: 80, hosts: [a.example]}]}`,
	},
	{
		name:    "plaintext on a workload",
		field:   "spec.plaintext",
		message: "plaintext is for gateways: for a workload set accept.mode to Permissive or Disable; if these pods are a gateway, name them by gateway",
		accepts: `{workload: {service: a}, accept: {mode: Disable}}`,
		refuses: `{workload: {service: a}, plaintext: [{port: 80, hosts: [a.example]}]}`,
	},
	{
		name:    "clients on a workload",
		field:   "spec.send",
		message: "clients is for policies without workload and gateway: here the target's pods are the clients; remove clients",
		accepts: `{send: [{hosts: [a], mode: IstioMutual, clients: All}]}`,
		refuses: `{workload: {service: b}, send: [{hosts: [a], mode: IstioMutual, clients: All}]}`,
	},
	{
		name:    "clients on a gateway",
		field:   "spec.send",
		message: "clients is for policies without workload and gateway: here the target's pods are the clients; remove clients",
		accepts: `{send: [{hosts: [a], mode: IstioMutual, clients: Namespace}]}`,
		refuses: `{gateway: {service: edge}, send: [{hosts: [a], mode: IstioMutual, clients: Namespace}]}`,
	},
	{
		name:    "credentialName without a target",
		field:   "spec.send",
		message: "credentialName needs workload or gateway: without a workload selector Istio sends plaintext; name the clients by workload, or mount the certificates and give their paths",
		accepts: `{gateway: {service: edge}, send: [{hosts: [a.example], mode: Mutual, credentialName: a}]}`,
		refuses: `{send: [{hosts: [a.example], mode: Mutual, credentialName: a}]}`,
	},
	{
		name:    "a port's credentialName without a target",
		field:   "spec.send",
		message: "credentialName needs workload or gateway: without a workload selector Istio sends plaintext; name the clients by workload, or mount the certificates and give their paths",
		accepts: `{send: [{hosts: [a.example], ports: [{port: 443, mode: Simple, credentialName: "configmap://default/ca"}]}]}`,
		refuses: `{send: [{hosts: [a.example], ports: [{port: 443, mode: Simple, credentialName: a}]}]}`,
	},
}
