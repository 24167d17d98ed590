package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// plugin is kubectl meshtls with an administrator's rights.
type plugin struct {
	program, kubeconfig string
}

// subject is an object in the plugin's JSON.
type subject struct {
	Kind, Namespace, Name string
}

// lintReport is the part of lint -o json that the demo reads.
type lintReport struct {
	Findings []struct {
		Severity meshtlsv1alpha1.Severity
		Check    string
		Object   subject
	}
}

// explanation is the part of explain -o json that the demo reads.
type explanation struct {
	Workloads []struct {
		Inbound []struct {
			Port     int32
			External struct{ Accepts string }
		}
	}
}

// disagreements compares what the plugin finds in the cluster with the policies' statuses: lint has no error about a policy that is
// ready, nor about an object that belongs to none, and explain has each port of a workload accept what its policy says.
func (c *cluster) disagreements(ctx context.Context, policies []meshtlsv1alpha1.MeshTLSPolicy) ([]string, error) {
	program, err := c.binary("kubectl-meshtls")
	if err != nil {
		return nil, err
	}
	asked := plugin{program: program, kubeconfig: c.plane.Kubeconfig}
	linted, err := asked.lintDisagreements(ctx, policies)
	if err != nil {
		return nil, err
	}
	explained, err := asked.explainDisagreements(ctx, policies)
	return append(linted, explained...), err
}

func (p plugin) lintDisagreements(ctx context.Context, policies []meshtlsv1alpha1.MeshTLSPolicy) ([]string, error) {
	var report lintReport
	if err := p.run(ctx, &report, "lint", "-A"); err != nil {
		return nil, err
	}
	inTrouble := map[subject]bool{}
	for i := range policies {
		policy := &policies[i]
		inTrouble[subject{"MeshTLSPolicy", policy.Namespace, policy.Name}] = ready(policy).Status != metav1.ConditionTrue
	}
	var found []string
	for _, f := range report.Findings {
		if f.Severity == meshtlsv1alpha1.SeverityError && !inTrouble[f.Object] && !aboutSecrets(f.Check) {
			found = append(found, fmt.Sprintf("lint finds the error %s in %s %s/%s", f.Check, f.Object.Kind, f.Object.Namespace, f.Object.Name))
		}
	}
	return found, nil
}

// aboutSecrets says that only who reads Secrets finds it. The samples leave their Secrets to the user, and the operator reads none.
func aboutSecrets(check string) bool { return strings.HasSuffix(check, "-credential-not-found") }

func (p plugin) explainDisagreements(ctx context.Context, policies []meshtlsv1alpha1.MeshTLSPolicy) ([]string, error) {
	var found []string
	for i := range policies {
		policy := &policies[i]
		workload := policy.Spec.Workload
		if workload == nil || workload.Service == "" || ready(policy).Status != metav1.ConditionTrue {
			continue
		}
		var explained explanation
		if err := p.run(ctx, &explained, "explain", "service/"+workload.Service, "-n", policy.Namespace); err != nil {
			return nil, err
		}
		for _, port := range policy.Status.AcceptPorts {
			if accepts := explained.accepts(port.Port); port.Mode != meshtlsv1alpha1.AcceptInherit && accepts != string(port.Mode) {
				found = append(found, fmt.Sprintf("explain says that port %d of %s/%s accepts %q, the policy %s",
					port.Port, policy.Namespace, workload.Service, accepts, port.Mode))
			}
		}
	}
	return found, nil
}

// accepts returns what the port of the first of the workloads accepts.
func (e explanation) accepts(port int32) string {
	for _, workload := range e.Workloads {
		for _, inbound := range workload.Inbound {
			if inbound.Port == port {
				return inbound.External.Accepts
			}
		}
	}
	return ""
}

// run asks the plugin, and decodes its JSON. Findings, which it ends with 1 for, are no failure.
func (p plugin) run(ctx context.Context, answer any, args ...string) error {
	command := exec.CommandContext(ctx, p.program, append(args, "-o", "json", "--kubeconfig", p.kubeconfig)...)
	command.Stderr = os.Stderr
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return fmt.Errorf("running kubectl meshtls %s: %w", args[0], err)
	}
	if err := json.Unmarshal(output, answer); err != nil {
		return fmt.Errorf("reading the answer of kubectl meshtls %s: %w", args[0], err)
	}
	return nil
}
