package hosts

import "strings"

// ClusterDomain is the domain of a cluster's Services, Istio's default.
const ClusterDomain = "cluster.local"

// serviceDomain is what the name of every Service ends in.
const serviceDomain = ".svc." + ClusterDomain

// Qualify returns the host as it reads from every namespace: a short name is that of a Service of the namespace, anything with
// a dot in it, and the wildcard for everything, stands as it is. Istio does the same with the host of a DestinationRule.
func Qualify(host, namespace string) string {
	if host == "*" || strings.Contains(host, ".") {
		return host
	}
	return OfService(namespace, host)
}

// OfService returns the fully qualified name of a Service.
func OfService(namespace, name string) string {
	return name + "." + namespace + serviceDomain
}

// Service returns the namespace and the name of the Service whose fully qualified name the host is.
func Service(host string) (namespace, name string, ok bool) {
	short, ok := strings.CutSuffix(host, serviceDomain)
	if !ok || IsWildcard(host) {
		return "", "", false
	}
	name, namespace, ok = strings.Cut(short, ".")
	return namespace, name, ok && !strings.Contains(namespace, ".")
}

// Belongs says whether every name that the host stands for is that of a Service of the namespace.
func Belongs(host, namespace string) bool {
	return strings.HasSuffix(host, "."+namespace+serviceDomain)
}

// ServicesNamespace returns the namespace whose Services the wildcard covers, and nothing else.
func ServicesNamespace(wildcard string) (string, bool) {
	short, ok := strings.CutSuffix(wildcard, serviceDomain)
	if !ok {
		return "", false
	}
	namespace, ok := strings.CutPrefix(short, "*.")
	return namespace, ok && !strings.Contains(namespace, ".")
}

// IsWildcard says whether the host stands for many.
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

// Covers says whether the wildcard covers the host: every name that the host stands for is one that the wildcard stands for.
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

// Overlap says whether there is a name that both hosts stand for.
func Overlap(a, b string) bool {
	return a == b || Covers(a, b) || Covers(b, a)
}
