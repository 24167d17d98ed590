package worlds

import (
	"slices"
	"strings"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// aptPolicies is how many policies an apt world has at most: few of them are in conflict.
const aptPolicies = 3

// Apt returns the world with a few policies that speak of what is there. Of those that Wide draws most name a host or port that is not
// there, so that they are not Ready and prove little.
func Apt(d Drawn) Drawn {
	a := apt{hosts: map[string][]int32{}, services: every[*corev1.Service](&d), pods: every[*corev1.Pod](&d)}
	a.learn(&d)
	var fitting []*meshtlsv1alpha1.MeshTLSPolicy
	for _, p := range d.Policies {
		fit := p.DeepCopy()
		if len(fitting) < aptPolicies && a.fits(fit) {
			fitting = append(fitting, fit)
		}
	}
	d.Policies, d.Before = fitting, nil
	return d
}

// apt knows what policies may speak of: the ports by host, the Services and the pods.
type apt struct {
	hosts    map[string][]int32
	services []*corev1.Service
	pods     []*corev1.Pod
}

func (a apt) learn(d *Drawn) {
	for _, s := range a.services {
		for _, port := range s.Spec.Ports {
			host := s.Name + "." + s.Namespace + ".svc.cluster.local"
			a.hosts[host] = append(a.hosts[host], port.Port)
		}
	}
	for _, entry := range every[*istionetworkingv1.ServiceEntry](d) {
		for _, host := range entry.Spec.Hosts {
			for _, port := range entry.Spec.Ports {
				a.hosts[host] = append(a.hosts[host], int32(port.Number)) // #nosec G115 -- a port
			}
		}
	}
}

// fits takes out of the policy what speaks of nothing, and reports whether something is left.
func (a apt) fits(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
	if p.Spec.Gateway != nil {
		gateways := &meshtlsv1alpha1.LabelSelector{MatchLabels: map[string]string{"istio": "ingressgateway"}}
		p.Spec.Gateway = &meshtlsv1alpha1.Target{Selector: gateways}
	}
	var selected []*corev1.Pod
	if p.Spec.Workload != nil {
		if selected = a.selectedBy(p); len(selected) == 0 {
			return false
		}
	}
	if p.Spec.Accept != nil {
		p.Spec.Accept.Ports = slices.DeleteFunc(p.Spec.Accept.Ports, func(port meshtlsv1alpha1.AcceptPort) bool {
			return !a.leads(port, selected)
		})
	}
	var sends []meshtlsv1alpha1.Send
	for _, send := range p.Spec.Send {
		if a.reaches(&send, p.Namespace) {
			sends = append(sends, send)
		}
	}
	p.Spec.Send = sends
	return p.Spec.Accept != nil || len(sends)+len(p.Spec.Terminate)+len(p.Spec.Passthrough)+len(p.Spec.Plaintext) > 0
}

// selectedBy returns the pods of a policy for workloads.
func (a apt) selectedBy(p *meshtlsv1alpha1.MeshTLSPolicy) []*corev1.Pod {
	selector := labels.Set{}
	named := slices.IndexFunc(a.services, func(s *corev1.Service) bool {
		return s.Namespace == p.Namespace && s.Name == p.Spec.Workload.Service
	})
	switch {
	case p.Spec.Workload.Selector != nil:
		selector = p.Spec.Workload.Selector.MatchLabels
	case named >= 0:
		selector = a.services[named].Spec.Selector
	}
	if len(selector) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.pods), func(pod *corev1.Pod) bool {
		return pod.Namespace != p.Namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels))
	})
}

// leads reports whether the port is one of each pod, or of the Service that bears the name of their app.
func (a apt) leads(port meshtlsv1alpha1.AcceptPort, selected []*corev1.Pod) bool {
	if port.Port != nil {
		return !slices.ContainsFunc(selected, func(pod *corev1.Pod) bool {
			return !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(c corev1.ContainerPort) bool { return c.ContainerPort == *port.Port })
		})
	}
	return slices.ContainsFunc(a.services, func(s *corev1.Service) bool {
		return s.Namespace == selected[0].Namespace && s.Name == selected[0].Labels["app"] &&
			slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
				return *port.ServicePort == intstr.FromInt32(p.Port) || *port.ServicePort == intstr.FromString(p.Name)
			})
	})
}

// reaches leaves the hosts and ports that there are, and reports whether the entry says something of them.
func (a apt) reaches(send *meshtlsv1alpha1.Send, namespace string) bool {
	send.Hosts = slices.DeleteFunc(send.Hosts, func(host string) bool { return len(a.portsOf(host, namespace)) == 0 })
	send.Ports = slices.DeleteFunc(send.Ports, func(port meshtlsv1alpha1.SendPort) bool {
		return slices.ContainsFunc(send.Hosts, func(host string) bool { return !slices.Contains(a.portsOf(host, namespace), port.Port) })
	})
	return len(send.Hosts) > 0 && (send.Mode != "" || len(send.Ports) > 0)
}

// portsOf returns the ports of a host, or of all that a wildcard covers.
func (a apt) portsOf(host, namespace string) []int32 {
	if suffix, wildcard := strings.CutPrefix(host, "*"); wildcard {
		var all []int32
		for known, ports := range a.hosts {
			if strings.HasSuffix(known, suffix) {
				all = append(all, ports...)
			}
		}
		return all
	}
	if !strings.Contains(host, ".") {
		host += "." + namespace + ".svc.cluster.local"
	}
	return a.hosts[host]
}
