package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/istio/hosts"
	"github.com/meshtls/meshtls/internal/model"
)

// to returns what is said about the one destination that is asked for, as host or host:port.
func (v *view) to(w *model.Workload, asked string) ([]Outbound, error) {
	typed, port, err := splitPort(asked)
	if err != nil {
		return nil, err
	}
	host, known := v.hostOf(typed, w.Namespace)
	if !known {
		return v.unknown(w, typed, port)
	}
	var found []Outbound
	if proxyOf(w) == ProxyGateway {
		found = slices.DeleteFunc(v.reached(w, false), func(o Outbound) bool { return o.Host != host || port != 0 && o.Port != port })
	}
	if len(found) == 0 {
		found = v.calledAt(w, host, port)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no port %d; its ports are %s", host, port, strings.Join(v.portsOfHost(host), ", "))
	}
	return found, nil
}

func splitPort(asked string) (host string, port int32, err error) {
	host, number, named := strings.Cut(asked, ":")
	if !named {
		return host, 0, nil
	}
	parsed, err := strconv.ParseUint(number, 10, 16)
	if err != nil || parsed == 0 || host == "" {
		return "", 0, fmt.Errorf("%q is no destination: write <host> or <host>:<port>, such as payments.shop:8080", asked)
	}
	return host, int32(parsed), nil
}

// spelled returns the hosts that the typed one may mean: itself, or a Service by its short name.
func (v *view) spelled(typed, namespace string) []string {
	candidates := []string{typed, v.Domain().Qualify(typed, namespace)}
	if name, of := splitNamespace(strings.TrimSuffix(typed, ".svc")); of != "" {
		candidates = append(candidates, v.Domain().OfService(of, name))
	}
	return candidates
}

// hostOf returns the declared host that the typed one means: itself, a Service by its short name, or the narrowest wildcard above it.
func (v *view) hostOf(typed, namespace string) (string, bool) {
	for _, host := range append(v.spelled(typed, namespace), hosts.Wildcards(typed)...) {
		if len(v.Destinations().Visible(host, namespace)) > 0 {
			return host, true
		}
	}
	return "", false
}

func (v *view) portsOfHost(host string) []string {
	var numbers []int32
	for _, d := range v.Destinations().Of(host) {
		for _, p := range d.Declared {
			numbers = append(numbers, p.Number)
		}
	}
	slices.Sort(numbers)
	var all []string
	for _, number := range slices.Compact(numbers) {
		all = append(all, fmt.Sprint(number))
	}
	return all
}

// notKnown returns why the name is no destination of the namespace's clients though something has it; nil: nothing has it.
func (v *view) notKnown(typed, namespace string) error {
	for _, host := range v.spelled(typed, namespace) {
		if alias, is := v.Destinations().Alias(host); is && alias.Host != "" {
			return fmt.Errorf("%s is the name of an ExternalName Service; ask for %s, which it stands for", typed, alias.Host)
		}
		if hidden := v.Destinations().Of(host); len(hidden) > 0 {
			return fmt.Errorf("%s is not exported to namespace %s, so clients there do not know %s", hidden[0].Ref(), namespace, typed)
		}
	}
	return nil
}

// unknown returns what is said of a host that nothing declares. The name of a Service that is not there is a mistake; any other host may
// be outside the mesh.
func (v *view) unknown(w *model.Workload, typed string, port int32) ([]Outbound, error) {
	like := ""
	if near := v.nearHosts(typed); len(near) > 0 {
		like = strings.Join(near, " or ")
	}
	if v.namesService(typed) {
		if err := v.notKnown(typed, w.Namespace); err != nil {
			return nil, err
		}
		message := "no Service or ServiceEntry declares " + typed
		if like != "" {
			message += "; did you mean " + like + "?"
		}
		return nil, fmt.Errorf("%s", message)
	}
	why := "No Service or ServiceEntry declares the host. What the application sends leaves as it is, if the mesh's outboundTrafficPolicy " +
		"lets it: no DestinationRule changes that."
	if like != "" {
		why += " A host like it is declared: " + like + "."
	}
	decided := Origin{Field: "the host is not declared"}
	return []Outbound{{
		Host: typed, Port: port, Local: local(w, ""),
		External:  ExternalOutbound{Sends: "Disable", DecidedBy: decided, Why: why},
		Endpoints: []Endpoint{{Outcome: istio.Plaintext, Sends: "Disable", DecidedBy: decided, Why: why}},
	}}, nil
}

// namesService reports whether the typed host can only be that of a Service.
func (v *view) namesService(typed string) bool {
	if !strings.Contains(typed, ".") || strings.HasSuffix(typed, ".svc") || isOfService(v, typed) {
		return true
	}
	_, namespace := splitNamespace(typed)
	return slices.ContainsFunc(v.Namespaces(), func(n model.Namespace) bool { return n.Name == namespace })
}

// isOfService reports whether the host ends as those of Services do.
func isOfService(v *view, host string) bool {
	_, ok := v.Domain().Shortened(host)
	return ok
}

// nearHosts are declared hosts that few letters tell from the typed one, by any of the ways to write a host.
func (v *view) nearHosts(typed string) []string {
	distance := func(host string) int {
		least := levenshtein.ComputeDistance(host, typed)
		if namespace, name, ok := v.Domain().Service(host); ok {
			least = min(least, levenshtein.ComputeDistance(name, typed), levenshtein.ComputeDistance(name+"."+namespace, typed))
		}
		return least
	}
	near := slices.DeleteFunc(slices.Clone(v.Destinations().Hosts()), func(host string) bool { return distance(host) > slips(typed) })
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	near = near[:min(len(near), maxNear)]
	for i, host := range near {
		if namespace, name, ok := v.Domain().Service(host); ok {
			near[i] = name + "." + namespace
		}
	}
	return near
}
