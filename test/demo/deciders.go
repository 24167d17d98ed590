package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/test/mesh"
)

// decision is what the demo reads of kubectl meshtls explain -o json.
type decision struct {
	Workloads []struct {
		Inbound []struct {
			Port     int32 `json:"port"`
			External struct {
				DecidedBy origin `json:"decidedBy"`
			} `json:"external"`
		} `json:"inbound"`
		Outbound []struct {
			Host     string `json:"host"`
			Port     int32  `json:"port"`
			External struct {
				DecidedBy origin `json:"decidedBy"`
			} `json:"external"`
		} `json:"outbound"`
	} `json:"workloads"`
}

type origin struct {
	Namespace string   `json:"namespace"`
	Policies  []string `json:"policies"`
}

// deciders tell which policies decide a connection. They ask the plugin once for each pod.
type deciders struct {
	*cluster

	answers map[string]decision
}

func (c *cluster) newDeciders() *deciders {
	return &deciders{cluster: c, answers: map[string]decision{}}
}

// of returns the policies that decide what the client sends and what the server takes.
func (d *deciders) of(ctx context.Context, e edge, result mesh.Result) ([]string, error) {
	var found []string
	if e.client.Proxy != mesh.None {
		answer, err := d.ask(ctx, e.client.String())
		if err != nil {
			return nil, err
		}
		found = append(found, answer.sends(e)...)
	}
	if len(result.Hops) > 0 && result.Hops[len(result.Hops)-1].To != "" {
		last := result.Hops[len(result.Hops)-1]
		answer, err := d.ask(ctx, last.To)
		if err != nil {
			return nil, err
		}
		found = append(found, answer.accepts(int32(last.Flow.To.Port()))...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// ask asks the plugin about a pod.
func (d *deciders) ask(ctx context.Context, pod string) (decision, error) {
	if answer, ok := d.answers[pod]; ok {
		return answer, nil
	}
	plugin, err := d.binary("kubectl-meshtls")
	if err != nil {
		return decision{}, err
	}
	namespace, name, _ := strings.Cut(pod, "/")
	explain := []string{"explain", "pod/" + name + "." + namespace, "--all", "-o", "json", "--kubeconfig", d.plane.Kubeconfig}
	output, err := exec.CommandContext(ctx, plugin, explain...).Output()
	if err != nil {
		return decision{}, fmt.Errorf("explaining pod %s: %w", pod, err)
	}
	var answer decision
	if err := json.Unmarshal(output, &answer); err != nil {
		return decision{}, fmt.Errorf("reading the explanation of pod %s: %w", pod, err)
	}
	d.answers[pod] = answer
	return answer, nil
}

// sends returns the policies that decide what is sent to the server.
func (d decision) sends(e edge) []string {
	host := e.service.Name + "." + e.service.Namespace + ".svc.cluster.local"
	for _, workload := range d.Workloads {
		for _, destination := range workload.Outbound {
			if destination.Host == host && destination.Port == e.port.Port {
				return destination.External.DecidedBy.named()
			}
		}
	}
	return nil
}

// accepts returns the policies that decide what is taken at a port.
func (d decision) accepts(port int32) []string {
	for _, workload := range d.Workloads {
		for _, inbound := range workload.Inbound {
			if inbound.Port == port {
				return inbound.External.DecidedBy.named()
			}
		}
	}
	return nil
}

// named returns the policies with their namespace.
func (o origin) named() []string {
	var names []string
	for _, policy := range o.Policies {
		names = append(names, o.Namespace+"/"+policy)
	}
	return names
}
