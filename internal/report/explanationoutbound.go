package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
)

// localOutbound says, for each kind of port, how the proxy takes what the application sends.
func (e *explanation) localOutbound(w explain.Workload) {
	type kind struct{ protocol, carries string }
	called := map[kind][]string{}
	for _, o := range w.Outbound {
		if o.Local != nil {
			k := kind{protocol: protocolWords(o.Protocol), carries: o.Local.Carries}
			called[k] = append(called[k], calledBy(o))
		}
	}
	var rows []row
	for k, destinations := range called {
		rows = append(rows, row{
			cells: []string{k.protocol, k.carries},
			below: []string{"to " + strings.Join(slices.Compact(destinations), ", ")},
		})
	}
	if len(rows) == 0 {
		e.text.WriteString("  Nothing to tell: no destination is listed below.\n")
		return
	}
	slices.SortFunc(rows, func(a, b row) int { return slices.Compare(a.cells, b.cells) })
	e.table([]string{"PROTOCOL", "THE APPLICATION SENDS"}, rows)
}

// calledBy returns the host and port that the application calls.
func calledBy(o explain.Outbound) string {
	if o.Route != nil && o.Route.Host != "" {
		return fmt.Sprintf("%s:%d", shortHost(o.Route.Host), o.Route.Port)
	}
	return place(o)
}

// place returns the host and port that is sent to.
func place(o explain.Outbound) string {
	words := shortHost(o.Host)
	if o.Port != 0 {
		words += fmt.Sprintf(":%d", o.Port)
	}
	if o.Subset != "" {
		words += " (" + o.Subset + ")"
	}
	return words
}

// externalOutbound lists what fails first.
func (e *explanation) externalOutbound(w explain.Workload) {
	var failing, rows []row
	for _, o := range w.Outbound {
		if slices.ContainsFunc(o.Endpoints, func(e explain.Endpoint) bool { return e.Outcome == istio.Refused }) {
			failing = append(failing, outboundRows(o)...)
			continue
		}
		rows = append(rows, outboundRows(o)...)
	}
	if rows = append(failing, rows...); len(rows) > 0 {
		e.table([]string{"OUTCOME", "DESTINATION", "SENDS", "SERVER", "DECIDED BY"}, rows)
	}
	for _, words := range omittedWords(w.Omitted) {
		e.text.WriteString("  " + words + "\n")
	}
	if len(rows) == 0 && len(w.Omitted) == 0 {
		e.text.WriteString("  Nothing: there is no destination.\n")
	}
}

// outboundRows has a row for each kind of endpoint. The last says what holds for all of them.
func outboundRows(o explain.Outbound) []row {
	var rows []row
	for i, endpoint := range o.Endpoints {
		r := row{
			colour: outcomeColours[endpoint.Outcome],
			cells: []string{
				outcomeOf(endpoint), calledAndSent(o), cmp.Or(endpoint.Sends, "-"), serverOf(endpoint), endpoint.DecidedBy.String(),
			},
		}
		toldBelow := i+1 < len(o.Endpoints) && o.Endpoints[i+1].Why == endpoint.Why
		if !toldBelow && !repeats(endpoint.Why, endpoint.DecidedBy) {
			r.below = []string{endpoint.Why}
		}
		rows = append(rows, r)
	}
	last := &rows[len(rows)-1]
	if o.External.Note != "" {
		last.below = append(last.below, o.External.Note)
	}
	if o.Route != nil {
		last.below = append(last.below, routeWords(o))
	}
	if settings := settingsOf(o.External); settings != "" {
		last.below = append(last.below, settings)
	}
	for _, ignored := range o.External.Ignored {
		last.below = append(last.below, fmt.Sprintf("Not used: %s. %s", ignored, ignored.Why))
	}
	return rows
}

// repeats reports whether the sentence says no more than the row: that an object says a mode.
func repeats(why string, by explain.Origin) bool {
	by.Policies = nil
	mode, says := strings.CutPrefix(why, by.String()+" says ")
	return says && !strings.Contains(mode, " ")
}

// calledAndSent is where the application's call goes: where a route leads elsewhere, by way of an arrow.
func calledAndSent(o explain.Outbound) string {
	if called, sent := calledBy(o), place(o); called != sent {
		return called + " → " + sent
	}
	return place(o)
}

func routeWords(o explain.Outbound) string {
	words := fmt.Sprintf("Sent there by VirtualService %s/%s (%s)", o.Route.Namespace, o.Route.Name, o.Route.Field)
	if o.Route.Server != nil {
		words += ", for " + o.Route.Server.String()
	}
	return words + "."
}

func settingsOf(external explain.ExternalOutbound) string {
	var parts []string
	for _, setting := range []struct{ name, value string }{
		{"credential", external.CredentialName}, {"SNI", external.SNI}, {"names", strings.Join(external.SubjectAltNames, ", ")},
	} {
		if setting.value != "" {
			parts = append(parts, setting.name+" "+setting.value)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "With " + strings.Join(parts, ", ") + "."
}

// outcomeOf returns the outcome in words. Where the proxies add nothing, it can be the application's own TLS that is sent.
func outcomeOf(e explain.Endpoint) string {
	if e.ApplicationTLS {
		return "TLS as sent"
	}
	return outcomeWords[e.Outcome]
}

var outcomeWords = map[mesh.Kind]string{
	istio.MutualTLS: "mutual TLS", istio.ServerTLS: "TLS", istio.Plaintext: "plaintext", istio.DoubleTLS: "double TLS",
	istio.Refused: "REFUSED", mesh.GatewayDecides: "passed on", mesh.NoEndpoints: "no pods",
}

var outcomeColours = map[mesh.Kind]string{
	istio.MutualTLS: green, istio.ServerTLS: green, istio.Plaintext: yellow, istio.DoubleTLS: yellow, istio.Refused: red,
}

func serverOf(e explain.Endpoint) string {
	if e.Pods == 0 {
		return "-"
	}
	return fmt.Sprintf("%s at %d, %s", e.Accepts, e.Port, counted(e.Pods, "pod", "pods"))
}

// omittedWords sum up what is not listed.
func omittedWords(omitted []explain.Omitted) []string {
	var words []string
	for _, o := range omitted {
		what := "without anything to tell: " + outcomeWords[o.Outcome]
		switch o.Outcome {
		case istio.MutualTLS:
			what = "with mutual TLS, as Istio does of itself"
		case mesh.NoEndpoints:
			what = "without pods"
		case mesh.GatewayDecides:
			what = "that are gateways, whose servers decide"
		case istio.Plaintext:
			what = "with what the application sends"
		}
		words = append(words, fmt.Sprintf("%s %s; --all lists them.", counted(o.Destinations, "more destination", "more destinations"), what))
	}
	return words
}
