package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	add(lint.About{
		Name:     "target-not-carried",
		Severity: []lint.Severity{lint.Error, lint.Warning},
		Reasons:  []string{meshtlsv1alpha1.ReasonNotCarried},
		Finds: "pods of the target that nothing carries the settings for: `accept` for pods without a proxy or for a gateway's pods, `send` " +
			"from pods without a proxy or in ambient mode, servers of a gateway at pods that are no gateway, and all of these for pods of " +
			"another revision than the policy is labelled with. An error where no pod of a " +
			"workload or a gateway carries them, or no pod of the namespace its `send`; a warning where some do, or where it is the " +
			"`accept` of a namespace or the mesh. A mode that holds without a proxy, such as `Disable`, is passed over.",
		Why: "What is rendered is right, and no proxy reads it: plaintext is accepted, or leaves, as before.",
		Fix: "Give the pods a sidecar, or name other pods. What a gateway's pods accept is set by `terminate`, `passthrough` and " +
			"`plaintext`; from ambient pods, send by way of an egress gateway.",
	}, targetNotCarried)
}

// part is a part of a policy that proxies have to carry.
type part struct {
	field    string
	pods     []*model.Workload
	obstacle func(*model.Workload) mesh.Obstacle
	// lenient says that it is for all pods there may be, and no pod has to carry it.
	lenient bool
	// remedy is what to do; empty: what the obstacle calls for.
	remedy string
}

// targetNotCarried finds parts of policies that no pod, or not every pod, of their target carries.
func targetNotCarried(w world) []model.Finding {
	var findings []model.Finding
	for _, s := range w.subjects {
		if s.outcome.Unresolved {
			continue
		}
		for _, p := range w.partsOf(s) {
			if f, found := p.notCarried(s); found {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// partsOf returns the parts of the policy that ask something of proxies.
func (w world) partsOf(s subject) []part {
	spec := &s.policy.Spec
	var parts []part
	if asked := acceptModes(spec.Accept); len(asked) > 0 {
		notGateways := func(pod *model.Workload) bool { return spec.Workload == nil && pod.Gateway }
		parts = append(parts, part{
			field: "spec.accept", lenient: spec.Workload == nil, pods: slices.DeleteFunc(w.meantPods(s), notGateways),
			obstacle: func(pod *model.Workload) mesh.Obstacle { return acceptObstacle(pod, asked) },
		})
	}
	if asked := sendModes(spec.Send); len(asked) > 0 && !w.forMesh(s) {
		parts = append(parts, part{
			field: "spec.send", pods: w.meantPods(s),
			obstacle: func(pod *model.Workload) mesh.Obstacle { return sendObstacle(pod, asked) },
		})
	}
	if field := serversField(spec); field != "" {
		parts = append(parts, part{field: field, pods: w.targetPods(s), obstacle: mesh.ServerObstacle, remedy: "Name the pods of a gateway."})
	}
	for i := range parts {
		parts[i].obstacle = w.readFor(s, parts[i].obstacle)
	}
	return parts
}

// readFor adds to the obstacle that the control plane of the pods does not read what is labelled with the policy's revision.
func (w world) readFor(s subject, obstacle func(*model.Workload) mesh.Obstacle) func(*model.Workload) mesh.Obstacle {
	label := s.policy.Labels[meshtlsv1alpha1.LabelRevision]
	if label == "" {
		return obstacle
	}
	v := w.mesh()
	labelled := v.Revisions().Of(label)
	return func(pod *model.Workload) mesh.Obstacle {
		if o := obstacle(pod); o != "" || pod.Dataplane != model.DataplaneSidecar {
			return o
		}
		if serving, said := mesh.ServedBy(v, pod); said && serving != labelled {
			return mesh.OtherRevision
		}
		return ""
	}
}

// forMesh reports whether the policy is for all namespaces.
func (w world) forMesh(s subject) bool {
	return w.Plan.MeshWide && s.policy.Spec.Workload == nil && s.policy.Spec.Gateway == nil
}

// meantPods returns the pods that the policy is for. Those that labels keep out of the mesh are not meant where the policy does not name
// any and there are others.
func (w world) meantPods(s subject) []*model.Workload {
	target := w.targetPods(s)
	if s.policy.Spec.Workload != nil || s.policy.Spec.Gateway != nil {
		return slices.Clone(target)
	}
	if w.forMesh(s) {
		target = w.mesh().Workloads()
	}
	inMesh := slices.DeleteFunc(slices.Clone(target), mesh.OptsOut)
	if len(inMesh) == 0 {
		return slices.Clone(target)
	}
	return inMesh
}

// notCarried returns what there is to say about the part, if anything is.
func (p part) notCarried(s subject) (model.Finding, bool) {
	by := map[mesh.Obstacle][]*model.Workload{}
	var without []*model.Workload
	for _, pod := range p.pods {
		if o := p.obstacle(pod); o != "" {
			by[o] = append(by[o], pod)
			without = append(without, pod)
		}
	}
	if len(without) == 0 {
		return model.Finding{}, false
	}
	f := s.about(lint.Warning, p.field)
	all, not := pods.Count(p.pods), pods.Count(without)
	if all > not {
		f.Message = fmt.Sprintf("Of the %d pods of the target, not all carry it: %s.", all, obstacleWords(by))
	} else {
		f.Message = fmt.Sprintf("Nothing carries it: %s.", obstacleWords(by))
		if !p.lenient {
			f.Severity = lint.Error
			f.Condition, f.Reason = meshtlsv1alpha1.ConditionEffective, meshtlsv1alpha1.ReasonNotCarried
		}
	}
	first := obstacles[slices.IndexFunc(obstacles, func(o obstacle) bool { return len(by[o.kind]) > 0 })]
	f.Remedy = first.remedy
	if first.kind != mesh.OtherRevision {
		f.Remedy = cmp.Or(p.remedy, first.remedy)
	}
	return f, true
}

// obstacle words why pods do not carry a setting: of one pod, and of several.
type obstacle struct {
	kind              mesh.Obstacle
	one, many, remedy string
}

var obstacles = []obstacle{
	{mesh.NoProxy, "has no proxy", "have no proxy", "Give the pods a sidecar and restart them, or name other pods."},
	{
		mesh.Ztunnel, "is in ambient mode, where ztunnel reads no DestinationRule", "are in ambient mode, where ztunnel reads no DestinationRule",
		"Send by way of an egress gateway, or give the clients a sidecar.",
	},
	{
		mesh.Uncaught, "has interception mode NONE, so nothing leads its connections to the sidecar",
		"have interception mode NONE, so nothing leads their connections to the sidecar",
		"Use the interception mode REDIRECT or TPROXY for these pods.",
	},
	{
		mesh.Proxyless, "has no proxy but a gRPC library that the mesh configures, which knows no such setting",
		"have no proxy but a gRPC library that the mesh configures, which knows no such setting",
		"Ask for Strict or Disable of pods with proxyless gRPC, or give them a sidecar.",
	},
	{mesh.Waypoint, "is a waypoint", "are waypoints", "Name the pods behind the waypoint."},
	{
		mesh.GatewayServers, "is a gateway's, and accepts what its servers say", "are a gateway's, and accept what its servers say",
		"Set the TLS of its servers by a policy with a gateway as target.",
	},
	{mesh.NoGateway, "has a sidecar and is no gateway", "have a sidecar and are no gateway", ""},
	{
		mesh.OtherRevision, "has a proxy of another revision than the policy's label istio.io/rev names, which does not read what is labelled so",
		"have a proxy of another revision than the policy's label istio.io/rev names, which does not read what is labelled so",
		"Set the policy's label istio.io/rev to the revision of these pods, or remove it.",
	},
}

// obstacleWords counts the pods with each obstacle.
func obstacleWords(by map[mesh.Obstacle][]*model.Workload) string {
	var words []string
	for _, o := range obstacles {
		without := by[o.kind]
		switch {
		case len(without) == 0:
		case pods.Count(without) == 1:
			words = append(words, lint.CountPods(without)+" "+o.one)
		default:
			words = append(words, lint.CountPods(without)+" "+o.many)
		}
	}
	return strings.Join(words, ", ")
}

// acceptModes returns the modes that the policy asks for.
func acceptModes(accept *meshtlsv1alpha1.Accept) []meshtlsv1alpha1.AcceptMode {
	if accept == nil {
		return nil
	}
	modes := []meshtlsv1alpha1.AcceptMode{accept.Mode}
	for _, port := range accept.Ports {
		modes = append(modes, port.Mode)
	}
	return slices.DeleteFunc(modes, func(m meshtlsv1alpha1.AcceptMode) bool { return m == "" || m == meshtlsv1alpha1.AcceptInherit })
}

// acceptObstacle returns why the pods do not accept what is asked. Without a proxy they accept plaintext, which is what Disable asks.
func acceptObstacle(pod *model.Workload, asked []meshtlsv1alpha1.AcceptMode) mesh.Obstacle {
	o := mesh.AcceptObstacle(pod)
	asksMore := slices.ContainsFunc(asked, func(m meshtlsv1alpha1.AcceptMode) bool { return m != meshtlsv1alpha1.AcceptDisable })
	asksBoth := slices.Contains(asked, meshtlsv1alpha1.AcceptPermissive)
	if o == mesh.NoProxy && !asksMore || o == mesh.Proxyless && !asksBoth {
		return ""
	}
	return o
}

// sendModes returns the modes that the policy asks of its own pods.
func sendModes(sends []meshtlsv1alpha1.Send) []meshtlsv1alpha1.SendMode {
	var modes []meshtlsv1alpha1.SendMode
	for _, send := range sends {
		if send.Clients == meshtlsv1alpha1.ClientsAll {
			continue
		}
		modes = append(modes, send.Mode)
		for _, port := range send.Ports {
			modes = append(modes, port.Mode)
		}
	}
	return slices.DeleteFunc(modes, func(m meshtlsv1alpha1.SendMode) bool { return m == "" || m == meshtlsv1alpha1.SendAuto })
}

// sendObstacle returns why the pods do not send what is asked. Without a proxy nothing adds TLS, which is what Disable asks.
func sendObstacle(pod *model.Workload, asked []meshtlsv1alpha1.SendMode) mesh.Obstacle {
	o := mesh.SendObstacle(pod)
	asksMore := slices.ContainsFunc(asked, func(m meshtlsv1alpha1.SendMode) bool { return m != meshtlsv1alpha1.SendDisable })
	if o == mesh.NoProxy && !asksMore {
		return ""
	}
	return o
}

// serversField returns the first field of the policy that has servers of a gateway; empty: none has.
func serversField(spec *meshtlsv1alpha1.MeshTLSPolicySpec) string {
	switch {
	case len(spec.Terminate) > 0:
		return "spec.terminate"
	case len(spec.Passthrough) > 0:
		return "spec.passthrough"
	case len(spec.Plaintext) > 0:
		return "spec.plaintext"
	default:
		return ""
	}
}
