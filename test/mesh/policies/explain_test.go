package policies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/meshtls/meshtls/test/mesh"
)

// explanation is what the tests read of kubectl meshtls explain -o json.
type explanation struct {
	Workloads []struct {
		Inbound []struct {
			Port      int32    `json:"port"`
			Protocols []string `json:"protocols"`
			External  struct {
				Accepts string `json:"accepts"`
			} `json:"external"`
		} `json:"inbound"`
		Listeners []struct {
			Port    int32 `json:"port"`
			Servers []struct {
				Hosts []string `json:"hosts"`
				Mode  string   `json:"mode"`
			} `json:"servers"`
		} `json:"listeners"`
		Outbound []struct {
			Host      string `json:"host"`
			Port      int32  `json:"port"`
			Endpoints []struct {
				Outcome string `json:"outcome"`
			} `json:"endpoints"`
		} `json:"outbound"`
	} `json:"workloads"`
}

// explain asks the plugin.
func (w *world) explain(ctx context.Context, args ...string) (explanation, error) {
	command := exec.CommandContext(ctx, filepath.Join(w.programs, "kubectl-meshtls"),
		append([]string{"explain", "-o", "json", "--kubeconfig=" + w.Plane.Kubeconfig}, args...)...)
	var errs bytes.Buffer
	command.Stderr = &errs
	output, err := command.Output()
	if err != nil {
		return explanation{}, fmt.Errorf("%s: %w\n%s", strings.Join(command.Args[1:], " "), err, errs.String())
	}
	var answer explanation
	err = json.Unmarshal(output, &answer)
	return answer, err
}

// foresees says what explain does not foresee of calls.
func (w *world) foresees(ctx context.Context, calls []call, results []mesh.Result) error {
	var wrong error
	for i, c := range calls {
		if c.unforeseen != "" {
			continue
		}
		foreseen, err := w.foresee(ctx, c, results[i])
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", c, err))
			continue
		}
		if !slices.Contains(foreseen, c.want[0]) {
			wrong = errors.Join(wrong, fmt.Errorf("%s: it foresees %v, packets: %s", c, foreseen, results[i]))
		}
	}
	return wrong
}

// foresee returns what explain says of the first connection of a call: of the client where that has a proxy, else of the server.
func (w *world) foresee(ctx context.Context, c call, result mesh.Result) ([]mesh.Outcome, error) {
	from := w.pods[c.from]
	if from.Proxy != mesh.None {
		return w.foreseeOutbound(ctx, c, from)
	}
	if len(result.Hops) == 0 {
		return nil, fmt.Errorf("there was no connection")
	}
	to := result.Hops[0].To
	namespace, name, ok := strings.Cut(to, "/")
	if !ok {
		return nil, fmt.Errorf("the connection leads to no pod")
	}
	port := int32(result.Hops[0].Flow.To.Port())
	answer, err := w.explain(ctx, "pod/"+name+"."+namespace)
	if err != nil {
		return nil, err
	}
	if name == "gateway" {
		return answer.served(c, port), nil
	}
	return answer.accepted(c, port)
}

// foreseeOutbound returns what explain says of what a client sends.
func (w *world) foreseeOutbound(ctx context.Context, c call, from *mesh.Running) ([]mesh.Outcome, error) {
	host := c.host
	if c.address != "" && !isIP(c.address) {
		host = c.address
	}
	answer, err := w.explain(ctx, "pod/"+from.Name+"."+from.Namespace, "--to", host+":"+strconv.Itoa(int(c.port)))
	if err != nil {
		return nil, err
	}
	var found []mesh.Outcome
	for _, workload := range answer.Workloads {
		for _, destination := range workload.Outbound {
			for _, endpoint := range destination.Endpoints {
				found = append(found, outcomeOf(endpoint.Outcome, c))
			}
		}
	}
	return found, nil
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// outcomeOf is explain's word for an outcome as packets show it: plaintext of a client that speaks TLS is TLS.
func outcomeOf(word string, c call) mesh.Outcome {
	switch word {
	case "MutualTLS":
		return mesh.MutualTLS
	case "ServerTLS":
		return mesh.TLS
	case "Plaintext":
		return c.asSent()
	}
	return mesh.Outcome(word)
}

// asSent returns what a connection is that no proxy adds anything to.
func (c call) asSent() mesh.Outcome {
	if c.tls != noTLS {
		return mesh.TLS
	}
	return mesh.Plaintext
}

// accepted returns what a server does with a client without a proxy.
func (e explanation) accepted(c call, port int32) ([]mesh.Outcome, error) {
	for _, workload := range e.Workloads {
		for _, inbound := range workload.Inbound {
			if inbound.Port != port && inbound.Port != 0 { // the last stands for all others
				continue
			}
			switch inbound.External.Accepts {
			case "Strict":
				return []mesh.Outcome{mesh.Refused}, nil
			case "Permissive", "Disable":
				if c.tls != noTLS && slices.Contains(inbound.Protocols, "HTTP") {
					return []mesh.Outcome{mesh.Refused}, nil
				}
			}
			return []mesh.Outcome{c.asSent()}, nil
		}
	}
	return nil, fmt.Errorf("nothing is said of port %d", port)
}

// served returns what a gateway does with a client.
func (e explanation) served(c call, port int32) []mesh.Outcome {
	for _, workload := range e.Workloads {
		for _, listener := range workload.Listeners {
			if listener.Port != port {
				continue
			}
			for _, server := range listener.Servers {
				if serves(server.Hosts, c.host) {
					return []mesh.Outcome{c.endsAt(server.Mode)}
				}
			}
		}
	}
	return []mesh.Outcome{mesh.Refused} // nobody serves this
}

// serves reports whether one of a server's hosts stands for a name.
func serves(hosts []string, name string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool {
		host = host[strings.Index(host, "/")+1:]
		return host == name || host == "*" || strings.HasPrefix(host, "*.") && strings.HasSuffix(name, host[1:])
	})
}

// endsAt returns how a connection ends at a server of a mode.
func (c call) endsAt(mode string) mesh.Outcome {
	switch mode {
	case "Plaintext":
		if c.tls == noTLS {
			return mesh.Plaintext
		}
		return mesh.Refused
	case "Simple", "Passthrough":
		if c.tls != noTLS {
			return mesh.TLS
		}
	case "Mutual":
		if c.tls == withCertificate {
			return mesh.MutualTLS
		}
	case "OptionalMutual":
		switch c.tls {
		case oneWay:
			return mesh.TLS
		case withCertificate:
			return mesh.MutualTLS
		}
	}
	return mesh.Refused
}
