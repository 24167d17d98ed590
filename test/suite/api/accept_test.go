package api_test

import . "github.com/onsi/ginkgo/v2"

var _ = Describe("accept", func() { describe(acceptRules) })

var acceptRules = []rule{
	{
		name:    "exceptions without a floor",
		field:   "spec.accept.floorExceptions",
		message: "accept.floorExceptions needs accept.floor: without a floor there is nothing to except from",
		accepts: excepting(`floor: Strict, `, `policy: a, until: "2028-02-29", reason: why`),
		refuses: excepting(``, `policy: a, until: "2028-02-29", reason: why`),
	},
	{
		name:    "an order of workloads for a workload",
		field:   "spec.accept.rollout.order",
		message: "accept.rollout.order: PerWorkload is for the policy of a namespace: remove workload, or remove order",
		accepts: `{accept: {mode: Strict, rollout: {order: PerWorkload}}}`,
		refuses: rolling(`order: PerWorkload`),
	},
	{
		name:    "an audit policy for a namespace",
		field:   "spec.accept.rollout.evidence",
		message: "accept.rollout.evidence.audit: Enabled is for the pods of one workload: set workload, or remove audit",
		accepts: rolling(`evidence: {audit: Enabled}`),
		refuses: `{accept: {mode: Strict, rollout: {evidence: {audit: Enabled}}}}`,
	},
	{
		name:    "a rollout without Strict",
		field:   "spec.accept.rollout",
		message: "accept.rollout needs accept.mode Strict: a rollout is the way to Strict; set mode to Strict, or remove rollout",
		accepts: `{workload: {service: a}, accept: {mode: Strict, rollout: {}}}`,
		refuses: `{workload: {service: a}, accept: {mode: Permissive, rollout: {}}}`,
	},
	{
		name:    "an approval for a gate that asks for none",
		field:   "spec.accept.rollout.approve",
		message: "accept.rollout.approve opens a Manual gate: set gate to Manual, or remove approve",
		accepts: rolling(`gate: Manual, approve: "2026-12-01"`),
		refuses: rolling(`approve: "2026-12-01"`),
	},
	{
		name:    "going back without a probation",
		field:   "spec.accept.rollout.onRefusal",
		message: "accept.rollout.onRefusal: Undo goes back in the probation: give it a probation of 5m to 24h, or set onRefusal to Hold",
		accepts: rolling(`onRefusal: Hold, probation: 0s`),
		refuses: rolling(`onRefusal: Undo, probation: 0s`),
	},
	{
		name:    "observing for less than a minute",
		field:   "spec.accept.rollout.observe",
		message: "accept.rollout.observe is a time from 1m to 2160h",
		accepts: rolling(`observe: 1m`),
		refuses: rolling(`observe: 59s`),
	},
	{
		name:    "observing for more than 90 days",
		field:   "spec.accept.rollout.observe",
		message: "accept.rollout.observe is a time from 1m to 2160h",
		accepts: rolling(`observe: 2159h60m`),
		refuses: rolling(`observe: 2160h1s`),
	},
	{
		name:    "a probation that is shorter than connections live",
		field:   "spec.accept.rollout.probation",
		message: "accept.rollout.probation is a time from 5m to 24h, or 0s for none",
		accepts: rolling(`probation: 5m`),
		refuses: rolling(`probation: 299s`),
	},
	{
		name:    "a port twice",
		field:   "spec.accept.ports",
		message: "two entries of accept.ports name one port: keep one of them",
		accepts: onPorts(`{port: 80, mode: Strict}, {port: 81, mode: Strict}, {servicePort: 80, mode: Strict}`),
		refuses: onPorts(`{port: 80, mode: Strict}, {port: 81, mode: Strict}, {port: 80, mode: Strict}`),
	},
	{
		name:    "a servicePort twice",
		field:   "spec.accept.ports",
		message: "two entries of accept.ports name one servicePort: keep one of them",
		accepts: onPorts(`{servicePort: http, mode: Strict}, {servicePort: 80, mode: Strict}, {servicePort: 81, mode: Strict}`),
		refuses: onPorts(`{servicePort: http, mode: Strict}, {servicePort: 80, mode: Strict}, {servicePort: http, mode: Disable}`),
	},
	{
		name:    "a servicePort twice by number",
		field:   "spec.accept.ports",
		message: "two entries of accept.ports name one servicePort: keep one of them",
		accepts: onPorts(`{servicePort: 80, mode: Strict}, {port: 80, mode: Strict}`),
		refuses: onPorts(`{servicePort: 80, mode: Strict}, {servicePort: 80, mode: Strict}`),
	},
	{
		name:    "a port named in both ways",
		field:   "spec.accept.ports[0]",
		message: "name the port either by port (the workload's own number) or by servicePort (the Service's): exactly one of the two",
		accepts: onPorts(`{port: 80, mode: Strict}`),
		refuses: onPorts(`{port: 80, servicePort: 80, mode: Strict}`),
	},
	{
		name:    "a port named in neither way",
		field:   "spec.accept.ports[0]",
		message: "name the port either by port (the workload's own number) or by servicePort (the Service's): exactly one of the two",
		accepts: onPorts(`{servicePort: http, mode: Strict}`),
		refuses: onPorts(`{mode: Strict}`),
	},
	{
		name:    "servicePort 0",
		field:   "spec.accept.ports[0].servicePort",
		message: "servicePort is a number from 1 to 65535, or the name of a Service port",
		accepts: onPorts(`{servicePort: 1, mode: Strict}`),
		refuses: onPorts(`{servicePort: 0, mode: Strict}`),
	},
	{
		name:    "servicePort 65536",
		field:   "spec.accept.ports[0].servicePort",
		message: "servicePort is a number from 1 to 65535, or the name of a Service port",
		accepts: onPorts(`{servicePort: 65535, mode: Strict}`),
		refuses: onPorts(`{servicePort: 65536, mode: Strict}`),
	},
}

// rolling returns the spec of a workload with a rollout.
func rolling(settings string) string {
	return `{workload: {service: a}, accept: {mode: Strict, rollout: {` + settings + `}}}`
}

// onPorts returns the spec of a workload with the entries in accept.ports.
func onPorts(entries string) string {
	return `{workload: {service: a}, accept: {ports: [` + entries + `]}}`
}

// excepting returns a policy without a target, with an exception from its floor.
func excepting(floor, exception string) string {
	return `{accept: {mode: Strict, ` + floor + `floorExceptions: [{` + exception + `}]}}`
}
