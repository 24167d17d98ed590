package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// rolloutManager is what the changes of these commands are known by among a policy's managers.
const rolloutManager = client.FieldOwner("kubectl-meshtls-rollout")

// rolloutChange is a change of a policy's rollout.
type rolloutChange struct {
	verb, short, does string
	// settings are those of spec.accept.rollout that it sets.
	settings func(now time.Time) map[string]any
}

var (
	rolloutPause = rolloutChange{
		verb: "pause", short: "Hold a rollout where it is", does: "What is Strict stays so, and nothing else becomes Strict until it is resumed.",
		settings: func(time.Time) map[string]any { return map[string]any{"paused": true} },
	}
	rolloutResume = rolloutChange{
		verb: "resume", short: "Let a rollout go on", does: "The time in which it was paused does not count.",
		settings: func(time.Time) map[string]any { return map[string]any{"paused": nil} },
	}
	rolloutApprove = rolloutChange{
		verb: "approve", short: "Open the gate of a rollout whose gate is Manual",
		does:     "The approval is the time. It counts from now on, and until a client blocks the rollout.",
		settings: func(now time.Time) map[string]any { return map[string]any{"approve": now.UTC().Format(time.RFC3339)} },
	}
)

func newRolloutChange(streams genericiooptions.IOStreams, objects *input, change rolloutChange) *cobra.Command {
	var apply bool
	command := &cobra.Command{
		Use:   change.verb + " <policy>",
		Short: change.short,
		Long: change.short + ". " + change.does + `

What to change is printed, as a merge patch: put it into the repository that the policy comes from, or give it to kubectl patch. With
--apply it is made in the cluster, unless Argo CD or Flux manages the policy and would undo it there.`,
		Example: fmt.Sprintf("  kubectl meshtls rollout %[1]s payments -n shop\n  kubectl meshtls rollout %[1]s payments -n shop --apply",
			change.verb),
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if objects.fromFiles() {
				return errors.New("-f is for commands that read: what to change in a manifest is printed without it")
			}
			patch := map[string]any{"spec": map[string]any{"accept": map[string]any{"rollout": change.settings(time.Now())}}}
			if apply {
				return applyRolloutChange(command.Context(), streams, objects, namedPatch{args[0], patch})
			}
			text, err := yaml.Marshal(patch)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(streams.Out, string(text))
			return err
		},
	}
	command.Flags().BoolVar(&apply, "apply", false, "Make the change in the cluster.")
	objects.addFlags(command.Flags())
	return command
}

// namedPatch is a merge patch for a policy.
type namedPatch struct {
	policy string
	fields map[string]any
}

func applyRolloutChange(ctx context.Context, streams genericiooptions.IOStreams, objects *input, patch namedPatch) error {
	live, err := objects.client()
	if err != nil {
		return err
	}
	namespace, err := objects.scope()
	if err != nil {
		return err
	}
	var policy meshtlsv1alpha1.MeshTLSPolicy
	key := client.ObjectKey{Namespace: namespace, Name: patch.policy}
	if err := live.Get(ctx, key, &policy); err != nil {
		return err
	}
	if policy.Spec.Accept == nil || policy.Spec.Accept.Rollout == nil {
		return fmt.Errorf("MeshTLSPolicy %s has no rollout (spec.accept.rollout)", key)
	}
	if manager := model.ManagedBy(&policy); manager != "" {
		return fmt.Errorf("%s manages MeshTLSPolicy %s and would undo the change: make it where that takes the policy from; "+
			"without --apply it is printed", manager, key)
	}
	encoded, err := json.Marshal(patch.fields)
	if err != nil {
		return err
	}
	if err := live.Patch(ctx, &policy, client.RawPatch(types.MergePatchType, encoded), rolloutManager); err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "MeshTLSPolicy %s is changed.\n", key)
	return err
}
