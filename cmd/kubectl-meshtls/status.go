package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/status"
)

const statusLong = `Show every MeshTLSPolicy with what is in force: what its target accepts and sends, whether that is so, and if not, why.

From a cluster it is what the operator has written on the policies, with what does not fit to the objects there. From manifests it is
what the operator would write on them.

The exit code is 1 if a policy is not Ready, and not for what is only not among the files (NotInFiles).`

const statusExample = `  # The policies of the current namespace
  kubectl meshtls status

  # All policies, with the objects that are written for them
  kubectl meshtls status -A -o wide

  # What the policies of a folder would come to
  kubectl meshtls status -f manifests/`

// policyKind is the kind of our policies.
const policyKind = "MeshTLSPolicy"

// standing is a policy with what is in force of it.
type standing struct {
	policy meshtlsv1alpha1.MeshTLSPolicy
	// remark says why the status is not to be believed as it stands; empty: it is.
	remark string
}

func newStatus(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:     "status [<file or directory> ...]",
		Short:   "Show the policies with what is in force",
		Long:    statusLong,
		Example: statusExample,
		Args:    objects.takeFiles,
		PreRunE: func(*cobra.Command, []string) error {
			return knownOutput(output, slices.Values(statusOutputs))
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return runStatus(command.Context(), streams, objects, output)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", outputTable,
		"How to show the policies: table, wide, or json or yaml with the whole status.")
	objects.addFlags(command.Flags())
	objects.addClusterFlag(command)
	complete(command, "output", statusOutputs...)
	return command
}

func runStatus(ctx context.Context, streams genericiooptions.IOStreams, objects *input, output string) error {
	objects.kinds = sets.New(policyKind, model.KindPeerAuthentication, model.KindDestinationRule, model.KindGateway,
		model.KindAuthorizationPolicy)
	reader, problems := objects.reader(ctx)
	if reader == nil {
		return problems
	}
	if err := objects.mustSeePolicies(reader); err != nil {
		return err
	}
	standings, err := objects.standings(ctx, reader)
	if err != nil {
		return errors.Join(problems, err)
	}
	if len(standings) == 0 && !slices.Contains([]string{outputJSON, outputYAML}, output) {
		return errors.Join(problems, printNone(streams.Out, objects))
	}
	if err := printStandings(streams.Out, standings, output); err != nil {
		return err
	}
	if slices.ContainsFunc(standings, standing.fails) {
		return errors.Join(problems, errFindings)
	}
	return problems
}

// printNone says that there are no policies where they were asked for.
func printNone(out io.Writer, s *input) error {
	scope, err := s.scope()
	if err != nil {
		return err
	}
	where := ""
	if scope != "" {
		where = " in namespace " + scope
	}
	_, err = fmt.Fprintf(out, "No MeshTLSPolicies%s.\n", where)
	return err
}

// standings returns the policies that were asked for, by namespace and name.
func (s *input) standings(ctx context.Context, reader *source.Reader) ([]standing, error) {
	in, err := s.reach()
	if err != nil {
		return nil, err
	}
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	if err := reader.List(ctx, &policies); err != nil {
		return nil, err
	}
	var compiled map[string]meshtlsv1alpha1.MeshTLSPolicyStatus
	if s.fromFiles() {
		if compiled, err = s.statuses(ctx, reader); err != nil {
			return nil, err
		}
	}
	written := objectsOf(ctx, reader)
	var all []standing
	for _, policy := range policies.Items {
		if !in.has(policy.Namespace) {
			continue
		}
		if s.fromFiles() {
			policy.Status = compiled[policy.Namespace+"/"+policy.Name]
			all = append(all, standing{policy: policy})
			continue
		}
		all = append(all, standing{policy: policy, remark: remarkOn(policy, written)})
	}
	return all, nil
}

// statuses returns what the operator would write on the policies once their objects are written, by namespace/name.
func (s *input) statuses(ctx context.Context, reader *source.Reader) (map[string]meshtlsv1alpha1.MeshTLSPolicyStatus, error) {
	results, err := s.results(ctx, reader)
	if err != nil {
		return nil, err
	}
	statuses := map[string]meshtlsv1alpha1.MeshTLSPolicyStatus{}
	for _, r := range results {
		for _, o := range r.Policies {
			statuses[o.Policy.String()] = status.Of(o, r.Mesh, nil)
		}
	}
	return statuses, nil
}

// isReady reports whether all of the policy is in force.
func (s standing) isReady() bool {
	return s.remark == "" && apimeta.IsStatusConditionTrue(s.policy.Status.Conditions, meshtlsv1alpha1.ConditionReady)
}

// fails reports whether something keeps the policy from being ready, other than that files lack what it names.
func (s standing) fails() bool {
	return !s.isReady() && s.ready().Reason != meshtlsv1alpha1.ReasonNotInFiles
}

// ready returns the condition Ready; of a policy that the operator has not looked at, it is unknown.
func (s standing) ready() metav1.Condition {
	if ready := apimeta.FindStatusCondition(s.policy.Status.Conditions, meshtlsv1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{Type: meshtlsv1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: meshtlsv1alpha1.ReasonPending}
}

// remarkOn compares the status with the policy that it is about, and with the objects that it names.
func remarkOn(policy meshtlsv1alpha1.MeshTLSPolicy, written sets.Set[model.ObjectRef]) string {
	switch {
	case policy.Status.ObservedGeneration == 0:
		return "The operator has not looked at the policy. Is it running, and does it watch this namespace?"
	case policy.Status.ObservedGeneration < policy.Generation:
		return fmt.Sprintf("The operator has not looked at the last change of the policy: it is at generation %d, and the status is of %d.",
			policy.Generation, policy.Status.ObservedGeneration)
	}
	for _, o := range policy.Status.Objects {
		if !written.Has(model.ObjectRef{Kind: o.Kind, Namespace: policy.Namespace, Name: o.Name}) {
			return fmt.Sprintf("%s %s is named in the status and is not there. Is the operator running?", o.Kind, o.Name)
		}
	}
	return ""
}
