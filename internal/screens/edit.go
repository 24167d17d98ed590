package screens

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/traffic"
)

// Change is what somebody wants a workload to accept.
type Change struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Mode is the workload's; empty: it stays.
	Mode meshtlsv1alpha1.AcceptMode `json:"mode,omitempty"`
	// Way is how the workload becomes Strict, with that mode only; empty: as the policy says already.
	Way Way `json:"way,omitempty"`
	// Ports are the modes of single ports, by the pods' own number. Those that are not named stay.
	Ports map[int32]meshtlsv1alpha1.AcceptMode `json:"ports,omitempty"`
}

// Of names the workload.
func (c Change) Of() evidence.Workload {
	return evidence.Workload{Namespace: c.Namespace, Name: c.Name}
}

// Valid reports whether the modes are ones that a policy knows, and the way is one to Strict.
func (c Change) Valid() bool {
	if !c.Way.valid(c.Mode) {
		return false
	}
	modes := append(slices.Collect(maps.Values(c.Ports)), c.Mode)
	return !slices.ContainsFunc(modes, func(mode meshtlsv1alpha1.AcceptMode) bool {
		return !slices.Contains([]meshtlsv1alpha1.AcceptMode{
			"", meshtlsv1alpha1.AcceptStrict, meshtlsv1alpha1.AcceptPermissive, meshtlsv1alpha1.AcceptDisable, meshtlsv1alpha1.AcceptInherit,
		}, mode)
	})
}

// policyFor returns the policy that a change of the workload is made in: the oldest whose target are its pods and no others, or a new
// one.
func (p *Page) policyFor(w named) (policy *meshtlsv1alpha1.MeshTLSPolicy, exists bool) {
	candidates := slices.Clone(p.Policies)
	slices.SortFunc(candidates, func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int {
		if older := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); older != 0 {
			return older
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, candidate := range candidates {
		if candidate.Namespace == w.Namespace && p.onlyTargets(candidate.Spec.Workload, w) {
			return candidate, true
		}
	}
	return &meshtlsv1alpha1.MeshTLSPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: meshtlsv1alpha1.GroupVersion.String(), Kind: model.KindPolicy},
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: p.freeName(w)},
		Spec:       meshtlsv1alpha1.MeshTLSPolicySpec{Workload: p.targetFor(w)},
	}, false
}

// onlyTargets reports whether the target are the workload's pods and no others.
func (p *Page) onlyTargets(target *meshtlsv1alpha1.Target, w named) bool {
	labels := p.labelsOf(target, w.Namespace)
	return len(labels) > 0 && traffic.SelectsOnly(p.View(), labels, w.Workload)
}

// labelsOf returns the labels that the target's pods have; none: the target names no pods, or its Service is not there.
func (p *Page) labelsOf(target *meshtlsv1alpha1.Target, namespace string) map[string]string {
	if target == nil {
		return nil
	}
	if labels := model.LabelsOf(target); labels != nil {
		return labels
	}
	if service, known := p.View().Service(namespace, target.Service); known {
		return service.Selector
	}
	return nil
}

// freeName returns the workload's name, with a word after it where a policy has that already.
func (p *Page) freeName(w named) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(p.Policies, func(policy *meshtlsv1alpha1.MeshTLSPolicy) bool {
			return policy.Namespace == w.Namespace && policy.Name == name
		})
	}
	name := w.Name
	for taken(name) {
		name += "-accept"
	}
	return name
}

// targetFor names the workload's pods: by a Service in front of them and no others, else by as few labels as tell them apart.
func (p *Page) targetFor(w named) *meshtlsv1alpha1.Target {
	apart := traffic.TellApart(p.View(), w.Workload)
	if apart.Service != nil {
		return &meshtlsv1alpha1.Target{Service: apart.Service.Name}
	}
	return &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: apart.Labels}}
}

// portsOf returns the pods' ports that the entry stands for.
func (p *Page) portsOf(w named, entry meshtlsv1alpha1.AcceptPort) []int32 {
	if entry.Port != nil {
		return []int32{*entry.Port}
	}
	var ports []int32
	for _, s := range p.View().ServicePorts(w.pods()...) {
		if entry.ServicePort != nil && names(*entry.ServicePort, s.ServicePort) && !slices.Contains(ports, s.Target) {
			ports = append(ports, s.Target)
		}
	}
	return ports
}

// names reports whether a policy's servicePort means the Service's port.
func names(servicePort intstr.IntOrString, port model.ServicePort) bool {
	if servicePort.Type == intstr.String {
		return servicePort.StrVal == port.Name
	}
	return servicePort.IntVal == port.Port
}

// edited returns the policy with the change.
func (p *Page) edited(policy *meshtlsv1alpha1.MeshTLSPolicy, w named, c Change) *meshtlsv1alpha1.MeshTLSPolicy {
	edited := policy.DeepCopy()
	if edited.Spec.Accept == nil {
		edited.Spec.Accept = &meshtlsv1alpha1.Accept{}
	}
	accept := edited.Spec.Accept
	if c.Mode != "" {
		accept.Mode = c.Mode
	}
	accept.Rollout = c.Way.applied(accept)
	for _, number := range slices.Sorted(maps.Keys(c.Ports)) {
		accept.Ports = p.withPort(accept.Ports, w, number, c.Ports[number])
	}
	if accept.Mode == "" && len(accept.Ports) == 0 && accept.Floor == "" {
		accept.Mode = meshtlsv1alpha1.AcceptInherit // a policy must say something
	}
	return edited
}

// withPort returns the entries with the port's mode, which is told by the entry that is there for it. Inherit needs no entry.
func (p *Page) withPort(
	entries []meshtlsv1alpha1.AcceptPort, w named, number int32, mode meshtlsv1alpha1.AcceptMode,
) []meshtlsv1alpha1.AcceptPort {
	at := slices.IndexFunc(entries, func(e meshtlsv1alpha1.AcceptPort) bool { return slices.Contains(p.portsOf(w, e), number) })
	switch {
	case at < 0 && mode == meshtlsv1alpha1.AcceptInherit:
		return entries
	case at < 0:
		return append(entries, meshtlsv1alpha1.AcceptPort{Port: &number, Mode: mode})
	case mode == meshtlsv1alpha1.AcceptInherit:
		return slices.Delete(entries, at, at+1)
	default:
		entries[at].Mode = mode
		return entries
	}
}
