package model

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Service is a Service, as far as TLS is concerned.
type Service struct {
	Namespace string
	Name      string
	// Created is zero in files that do not say it.
	Created metav1.Time
	// Selector is nil where the Service has none.
	Selector map[string]string
	Ports    []ServicePort
	// Headless says that the Service has no address of its own: clients connect to the pods' addresses.
	Headless bool
	// External says that the Service has no endpoints and is a name for ExternalName, a host that may be in the cluster or not.
	External     bool
	ExternalName string
	// Addresses are the Service's own, as far as they are known.
	Addresses []string
	// OtherPorts are the numbers of the ports that carry no TLS as the mesh knows it: UDP and SCTP.
	OtherPorts []int32
	// Untranslated says that a Gateway's port is not led to the target of the Service's port of that number.
	Untranslated bool
	// Waypoint names the waypoint that the Service asks for; empty: what its namespace asks for. "none": no waypoint.
	Waypoint string
	// ExportTo are the namespaces that see the Service, by its annotation; empty: what the mesh's default says.
	ExportTo []string
	// Mute are the checks, comma-separated, that the Service's annotation silences.
	Mute string
}

// ServicePort is a port of a Service.
type ServicePort struct {
	Name string
	Port int32
	// TargetPort is a number or the name of a container port; never zero: gather fills in Port where the Service leaves it out.
	TargetPort intstr.IntOrString
	// Protocol is what the port is declared to carry, by its appProtocol or its name, in Istio's words (HTTP, TLS, …). Empty: Istio
	// finds out by looking.
	Protocol string
	// HiddenProtocol is what the name declares where an appProtocol goes before it that Istio does not know. Empty: none does.
	HiddenProtocol string
}

// TargetOn returns the port of the pods that the Service's port leads to; false: it names one that they do not declare.
func (p *ServicePort) TargetOn(w *Workload) (int32, bool) {
	if p.TargetPort.StrVal == "" {
		return p.TargetPort.IntVal, true
	}
	for _, declared := range w.Ports {
		if declared.Name == p.TargetPort.StrVal {
			return declared.Number, true
		}
	}
	return 0, false
}
