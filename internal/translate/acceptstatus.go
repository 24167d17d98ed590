package translate

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

// inheritedOrigin is where the mode of a port comes from when neither it nor its workload has one.
const inheritedOrigin = "the namespace's, then the mesh's policy"

// acceptReporter tells what the target of a policy accepts, by all policies that were folded with it.
type acceptReporter struct {
	indexed
	plan  acceptPlan
	rules map[acceptSet]model.AcceptRule
}

func newAcceptReporter(m indexed, plan acceptPlan) acceptReporter {
	r := acceptReporter{indexed: m, plan: plan, rules: make(map[acceptSet]model.AcceptRule, len(plan.rules))}
	for _, rule := range plan.rules {
		r.rules[acceptSet{revision: rule.Revision, pods: pods.SetOf(rule.Selector)}] = rule
	}
	return r
}

// words returns what the target accepts: "Strict", "8081 Permissive".
func (r acceptReporter) words(p *policyTarget) []string {
	if p.Spec.Accept == nil || p.target.scope == scopeGateway || !p.target.resolved() {
		return nil
	}
	words := []string{string(meshtlsv1alpha1.AcceptInherit)}
	if rule, ok := r.rules[acceptSetOf(p)]; ok {
		words[0] = string(rule.Mode) + p.stage.words(rule.Mode)
		for _, port := range rule.Ports {
			words = append(words, fmt.Sprintf("%d %s", port.Port, port.Mode))
		}
	}
	if until, excepted := r.plan.excepted[p.key()]; excepted {
		words = append(words, "below the floor until "+until)
	}
	if floor := p.Spec.Accept.Floor; floor != "" {
		words = append(words, "floor "+string(floor)+exceptionWords(p.MeshTLSPolicy, r.Now))
	}
	return words
}

// ports returns the modes of the target's ports: those that have one of their own, and those that a Service leads to.
func (r acceptReporter) ports(p *policyTarget) []meshtlsv1alpha1.AcceptPortStatus {
	if p.Spec.Accept == nil || p.target.scope != scopeWorkload || !p.target.resolved() {
		return nil
	}
	selected := r.pods(p)
	leading := leadingPorts(servicesOf(r.indexed, p, selected), r.governed(p))
	for _, port := range r.rules[acceptSetOf(p)].Ports {
		if _, led := leading[port.Port]; !led {
			leading[port.Port] = nil
		}
	}
	numbers := slices.Sorted(maps.Keys(leading))
	reports := make([]meshtlsv1alpha1.AcceptPortStatus, 0, len(numbers))
	for _, number := range numbers {
		mode, origin := r.modeOf(p, number)
		reports = append(reports, meshtlsv1alpha1.AcceptPortStatus{
			Port: number, ServicePorts: leading[number], Mode: mode, Origin: origin,
		})
	}
	return reports
}

// leadingPorts are, for each workload port, the Service ports that lead to it, as service:port.
func leadingPorts(services []*model.Service, to governed) map[int32][]string {
	leading := map[int32][]string{}
	for _, service := range services {
		for _, port := range service.Ports {
			name := port.Name
			if name == "" {
				name = fmt.Sprint(port.Port)
			}
			for _, number := range to.targetNumbers(service, port) {
				leading[number] = append(leading[number], service.Name+":"+name)
			}
		}
	}
	return leading
}

// modeOf returns what a port accepts and the field that says so: the port's own entry, else the workload's mode.
func (r acceptReporter) modeOf(p *policyTarget, port int32) (meshtlsv1alpha1.AcceptMode, string) {
	for _, number := range []int32{port, 0} {
		d, decided := r.plan.decisions[acceptKey{acceptSet: acceptSetOf(p), port: number}]
		if decided && d.value.Mode != meshtlsv1alpha1.AcceptInherit {
			return d.value.Mode, originWords(p, d)
		}
	}
	return meshtlsv1alpha1.AcceptInherit, inheritedOrigin
}

func originWords(p *policyTarget, d acceptDecision) string {
	field := d.field
	if d.value.end != d.value.Mode {
		field = fieldRollout
	}
	if d.policy == p.MeshTLSPolicy {
		return field
	}
	return fmt.Sprintf("%s of MeshTLSPolicy %s", field, keyOf(d.policy))
}

// exceptionWords count the exceptions from the policy's floor that have not ended.
func exceptionWords(p *meshtlsv1alpha1.MeshTLSPolicy, now metav1.Time) string {
	count := 0
	for _, e := range model.ExceptionsOf(p) {
		if model.StageOf(e, now) != model.ExceptionEnded {
			count++
		}
	}
	switch count {
	case 0:
		return ""
	case 1:
		return " (1 exception)"
	default:
		return fmt.Sprintf(" (%d exceptions)", count)
	}
}
