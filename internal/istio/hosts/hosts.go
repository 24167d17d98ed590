package hosts

import (
	"cmp"
	"strings"
)

// Domain ends the names of a cluster's Services, after ".svc.". The empty one is Istio's default.
type Domain string

// Default is Istio's domain where nothing else is said.
const Default Domain = "cluster.local"

// services returns what the name of every Service ends in.
func (d Domain) services() string { return ".svc." + string(cmp.Or(d, Default)) }

// Qualify returns the host as it reads from every namespace: a short name is that of a Service of the namespace, anything with
// a dot in it, and the wildcard for everything, stands as it is. Istio does the same with the host of a DestinationRule.
func (d Domain) Qualify(host, namespace string) string {
	if host == "*" || strings.Contains(host, ".") {
		return host
	}
	return d.OfService(namespace, host)
}

// OfService returns the fully qualified name of a Service.
func (d Domain) OfService(namespace, name string) string {
	return name + "." + namespace + d.services()
}

// Service returns the namespace and the name of the Service whose fully qualified name the host is.
func (d Domain) Service(host string) (namespace, name string, ok bool) {
	short, ok := d.Shortened(host)
	if !ok || IsWildcard(host) {
		return "", "", false
	}
	name, namespace, ok = strings.Cut(short, ".")
	return namespace, name, ok && !strings.Contains(namespace, ".")
}

// Shortened returns the host without what the names of Services end in, and whether it ends so.
func (d Domain) Shortened(host string) (short string, ok bool) {
	return strings.CutSuffix(host, d.services())
}

// Belongs reports whether every name that the host stands for is that of a Service of the namespace.
func (d Domain) Belongs(host, namespace string) bool {
	return strings.HasSuffix(host, "."+namespace+d.services())
}

// ServicesNamespace returns the namespace whose Services the wildcard covers, and nothing else.
func (d Domain) ServicesNamespace(wildcard string) (string, bool) {
	short, ok := d.Shortened(wildcard)
	if !ok {
		return "", false
	}
	namespace, ok := strings.CutPrefix(short, "*.")
	return namespace, ok && !strings.Contains(namespace, ".")
}

// InDefault returns the host of Services as it reads in a cluster of the default domain; of a wildcard that covers the Services of all
// namespaces, the widest that covers nothing else. It is not ok for other hosts.
func (d Domain) InDefault(host string) (respelled string, ok bool) {
	if short, ok := d.Shortened(host); ok {
		return short + Default.services(), true
	}
	return "*" + Default.services(), Covers(host, d.OfService("any", "any"))
}

// IsWildcard reports whether the host stands for many.
func IsWildcard(host string) bool {
	return strings.HasPrefix(host, "*")
}

// Wildcards returns the wildcards that cover the host, the narrowest first. A host does not cover itself.
func Wildcards(host string) []string {
	if host == "*" {
		return nil
	}
	var wildcards []string
	rest := strings.TrimPrefix(host, "*.")
	for {
		_, parent, ok := strings.Cut(rest, ".")
		if !ok {
			return append(wildcards, "*")
		}
		wildcards = append(wildcards, "*."+parent)
		rest = parent
	}
}

// Covers reports whether the wildcard covers the host: every name that the host stands for is one that the wildcard stands for.
func Covers(wildcard, host string) bool {
	if !IsWildcard(wildcard) || wildcard == host {
		return false
	}
	return strings.HasSuffix(strings.TrimPrefix(host, "*"), strings.TrimPrefix(wildcard, "*"))
}

// CoversOrIs reports whether the host is the other one, or a wildcard that covers it.
func CoversOrIs(wildcard, host string) bool {
	return wildcard == host || Covers(wildcard, host)
}

// Overlap reports whether there is a name that both hosts stand for.
func Overlap(a, b string) bool {
	return a == b || Covers(a, b) || Covers(b, a)
}
