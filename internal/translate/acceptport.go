package translate

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/istio/destinations"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// portNumbers are the workload ports that a port entry means, ascending, with what there is to say about finding them.
type portNumbers struct {
	numbers []int32
	notes   []model.Finding
}

// numbersOf finds the workload ports of an entry: a PeerAuthentication knows no others.
// Source: istio api security/v1beta1/peer_authentication.proto, port_level_mtls.
func numbersOf(m indexed, p *policyTarget, field string, port meshtlsv1alpha1.AcceptPort) portNumbers {
	switch {
	case port.Port != nil:
		return portNumbers{numbers: []int32{*port.Port}}
	case port.ServicePort == nil || !p.target.resolved():
		return portNumbers{}
	default:
		return translated(m, p, field+".servicePort", port)
	}
}

// translated follows a Service port to the workload's ports.
func translated(m indexed, p *policyTarget, field string, asked meshtlsv1alpha1.AcceptPort) portNumbers {
	wanted := *asked.ServicePort
	services := servicesOf(m, p, m.pods(p))
	var numbers, waiting []int32
	declared := false
	for _, service := range services {
		if port := findServicePort(service, wanted); port != nil {
			declared = true
			numbers = append(numbers, m.governed(p).targetNumbers(service, *port)...)
			waiting = append(waiting, waitingNumbers(m, p, service, asked)...)
		}
	}
	numbers = slices.DeleteFunc(numbers, func(n int32) bool { return slices.Contains(waiting, n) })
	slices.Sort(numbers)
	found := portNumbers{numbers: slices.Compact(numbers)}
	switch {
	case !declared:
		found.notes = []model.Finding{servicePortNotFound(p, field, wanted, services)}
	case len(waiting) > 0:
		found.notes = []model.Finding{portWaits(p, field, wanted, found.numbers, waiting)}
	case len(found.numbers) == 0:
		found.notes = []model.Finding{containerPortNotFound(p, field, wanted)}
	case len(found.numbers) > 1:
		found.notes = []model.Finding{portsDiffer(p, field, wanted, found.numbers)}
	}
	return found
}

// governed returns the pods and machines that the policy is for.
func (m indexed) governed(p *policyTarget) governed {
	return governed{view: m.view(p), labels: p.target.selector, pods: m.pods(p)}
}

// servicesOf returns the Services that lead to the target's pods, by name: the one that the target names, else every one that selects
// some of the pods, or would select them by the labels that the target asks for.
func servicesOf(m indexed, p *policyTarget, selected []*model.Workload) []*model.Service {
	if p.target.service != nil {
		return []*model.Service{p.target.service}
	}
	var services []*model.Service
	for _, d := range inFront(m.view(p), m.Namespace, p.target.selector, selected) {
		if d.Service != nil {
			services = append(services, d.Service)
		}
	}
	return services
}

// inFront returns the destinations that lead to pods with the labels, or to one of the pods.
func inFront(v *mesh.View, namespace string, labels map[string]string, selected []*model.Workload) []*destinations.Destination {
	sets := make([]map[string]string, 0, len(selected)+1)
	sets = append(sets, labels)
	for i := range selected {
		sets = append(sets, selected[i].Labels)
	}
	return v.InFront(namespace, sets...)
}

func findServicePort(service *model.Service, wanted intstr.IntOrString) *model.ServicePort {
	for i, p := range service.Ports {
		if (wanted.Type == intstr.String && p.Name == wanted.StrVal) || (wanted.Type == intstr.Int && p.Port == wanted.IntVal) {
			return &service.Ports[i]
		}
	}
	return nil
}

// governed are the pods and machines of a namespace that have the labels.
type governed struct {
	view   *mesh.View
	labels map[string]string
	pods   []*model.Workload
}

// targetNumbers returns the workload ports that a Service port leads to, ascending: several where pods give one name to different
// numbers, or where machines have ports of their own.
func (g governed) targetNumbers(service *model.Service, port model.ServicePort) []int32 {
	numbers := g.view.MachinesAt(service, port, g.labels)
	if port.TargetPort.Type == intstr.Int && (len(g.pods) > 0 || len(numbers) == 0) {
		numbers = append(numbers, port.TargetPort.IntVal)
	}
	for i := range g.pods {
		if number, declared := port.TargetOn(g.pods[i]); declared {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func servicePortNotFound(p *policyTarget, field string, wanted intstr.IntOrString, services []*model.Service) model.Finding {
	f := portProblem(p, field, "accept-service-port-not-found")
	switch names := serviceNames(services); len(names) {
	case 0:
		f.Message = fmt.Sprintf("No Service of namespace %s leads to these pods, so Service port %s means nothing.", p.Namespace, wanted.String())
		f.Remedy = "Create the Service, or name the workload's own port by port."
		f.Absent = model.ObjectRef{Kind: model.KindService, Namespace: p.Namespace}
	case 1:
		f.Message = fmt.Sprintf("Service %s/%s has no port %s.", p.Namespace, names[0], wanted.String())
		f.Remedy = "Use one of its ports, " + portWords(services[0]) + ", or name the workload's own port by port."
		if len(services[0].Ports) == 0 {
			f.Remedy = "Declare the port there with protocol TCP, or name the workload's own port by port."
		}
	default:
		f.Message = fmt.Sprintf("None of the Services in front of these pods (%s) has a port %s.", strings.Join(names, ", "), wanted.String())
		f.Remedy = "Use a port of one of them, or name the workload's own port by port."
	}
	return f
}

func containerPortNotFound(p *policyTarget, field string, wanted intstr.IntOrString) model.Finding {
	f := portProblem(p, field, "accept-container-port-not-found")
	f.Message = fmt.Sprintf("Service port %s leads to a named port that no pod of the target declares yet.", wanted.String())
	f.Remedy = "Start the pods, declare the container port in them, or name the workload's own port by port."
	f.Absent = model.ObjectRef{Kind: model.KindPod, Namespace: p.Namespace}
	return f
}

func portsDiffer(p *policyTarget, field string, wanted intstr.IntOrString, numbers []int32) model.Finding {
	return model.Finding{
		Check: "accept-service-port-ambiguous", Severity: meshtlsv1alpha1.SeverityWarning, Subject: model.PolicyRef(p.key()), Field: field,
		Message: fmt.Sprintf("Service port %s leads to different workload ports, %s; all of them get the mode.",
			wanted.String(), numberWords(numbers)),
		Remedy: "Give the port one number in all pods and Services, or name the workload's own ports by port.",
	}
}

func portProblem(p *policyTarget, field, check string) model.Finding {
	return model.Finding{
		Check: check, Severity: meshtlsv1alpha1.SeverityError, Subject: model.PolicyRef(p.key()), Field: field,
		Condition: meshtlsv1alpha1.ConditionResolvedRefs, Reason: meshtlsv1alpha1.ReasonPortNotFound,
	}
}

func serviceNames(services []*model.Service) []string {
	names := make([]string, len(services))
	for i := range services {
		names[i] = services[i].Name
	}
	return names
}

func portWords(service *model.Service) string {
	words := make([]string, len(service.Ports))
	for i, p := range service.Ports {
		words[i] = fmt.Sprint(p.Port)
		if p.Name != "" {
			words[i] = fmt.Sprintf("%s (%d)", p.Name, p.Port)
		}
	}
	return strings.Join(words, ", ")
}

func numberWords(numbers []int32) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, ", ")
}
