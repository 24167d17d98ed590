package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/proxy"
	"github.com/meshtls/meshtls/internal/report"
)

const verifyLong = `Ask the proxies themselves what they run, and compare it with what the objects of the mesh come
to: the mode of each inbound port, the TLS to each destination, what a gateway serves, and the certificate of the
workload.

Each proxy is asked for Envoy's dump of its configuration through the API server, as kubectl port-forward does; that
needs the right to create (or, of newer clients, to get) pods/portforward. MeshTLSPolicies count as if what they come
to was written already, so that a change that was only just applied is not taken for in force.

A proxy that differs is named with what may have made it so: it refused an update, an update waits for a certificate,
an EnvoyFilter changes it, its pod is of another revision, or it is behind.

The target is what explain takes; without one it is the namespace. The exit code is 1 if a proxy differs, and 2 if one
could not be asked. With --wait the question is asked until all run what they should.`

const verifyExample = `  # Do the proxies of the namespace run what the policies say?
  kubectl meshtls verify -n shop

  # Wait until a change is in force at the pods of a Deployment
  kubectl meshtls verify workload/payments.shop --wait --timeout 1m

  # What a gateway serves, for a program
  kubectl meshtls verify gateway/edge.istio-ingress -o json

  # From manifests and dumps that were saved, such as by istioctl proxy-config all POD -o json
  kubectl meshtls verify -f manifests/ --dump dumps/`

// verifyFlags are the flags of verify alone.
type verifyFlags struct {
	output  string
	dumps   []string
	wait    bool
	timeout time.Duration
}

// defaultWait is how long --wait waits, and askPause the time between two questions.
const (
	defaultWait = time.Minute
	askPause    = time.Second
)

// verifications are the formats that a verification is written in.
var verifications = map[string]func(out io.Writer, v report.Verification) error{
	outputText: func(out io.Writer, v report.Verification) error {
		return report.VerificationText(out, v, report.StyleOf(out))
	},
	outputJSON: report.VerificationJSON,
}

func newVerify(streams genericiooptions.IOStreams, objects *input) *cobra.Command {
	var flags verifyFlags
	command := &cobra.Command{
		Use:     "verify [<kind>/<name>[.<namespace>]]",
		Short:   "Say whether the proxies run what the policies say",
		Long:    verifyLong,
		Example: verifyExample,
		Args:    cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return flags.validate(objects) },
		RunE: func(command *cobra.Command, args []string) error {
			return runVerify(command.Context(), streams, objects, verifyQuestion{flags: flags, target: slices.Concat(args, []string{""})[0]})
		},
		ValidArgsFunction: completeTargets(explain.PodKinds(), objects),
	}
	command.Flags().StringVarP(&flags.output, "output", "o", outputText, "How to write the answer: text or json.")
	command.Flags().StringSliceVar(&flags.dumps, "dump", nil,
		"Saved answers of Envoy's /config_dump, in place of the proxies: a file, or a directory with everything below it. Repeatable.")
	command.Flags().BoolVar(&flags.wait, "wait", false, "Ask until all proxies run what they should.")
	command.Flags().DurationVar(&flags.timeout, "timeout", defaultWait, "How long to wait with --wait.")
	objects.addFlags(command.Flags())
	complete(command, "output", outputText, outputJSON)
	return command
}

// validate refuses flags that do not go together.
func (f *verifyFlags) validate(objects *input) error {
	if err := knownOutput(f.output, maps.Keys(verifications)); err != nil {
		return err
	}
	switch {
	case objects.fromFiles() && len(f.dumps) == 0:
		return errors.New("manifests have no proxies: name dumps of theirs with --dump")
	case f.wait && len(f.dumps) > 0:
		return errors.New("dumps do not change: leave out --wait")
	case f.timeout <= 0:
		return fmt.Errorf("--timeout %s is no time to wait", f.timeout)
	default:
		return nil
	}
}

// verifyQuestion is what verify is asked.
type verifyQuestion struct {
	flags  verifyFlags
	target string
}

// errNotAsked ends a command that could not ask all proxies.
var errNotAsked = errors.New("some proxies could not be asked")

func runVerify(ctx context.Context, streams genericiooptions.IOStreams, objects *input, q verifyQuestion) error {
	found, err := objects.verify(ctx, q)
	if q.flags.wait && err == nil {
		found, err = objects.verifyUntil(ctx, q, found)
	}
	if err != nil {
		return err
	}
	if err := verifications[q.flags.output](streams.Out, found); err != nil {
		return err
	}
	switch {
	case proxy.Count(found.Proxies, proxy.StateDiffers) > 0:
		return errFindings
	case proxy.Count(found.Proxies, proxy.StateNotAsked) > 0:
		return errNotAsked
	default:
		return nil
	}
}

// verifyUntil asks again until all proxies run what they should, or the time is up, and returns the last answer.
func (s *input) verifyUntil(ctx context.Context, q verifyQuestion, first report.Verification) (report.Verification, error) {
	last := first
	err := wait.PollUntilContextTimeout(ctx, askPause, q.flags.timeout, false, func(ctx context.Context) (bool, error) {
		if proxy.Count(last.Proxies, proxy.StateAsSaid) == len(last.Proxies) {
			return true, nil
		}
		found, err := s.verify(ctx, q)
		if err == nil {
			last = found
		}
		if ctx.Err() != nil {
			return false, nil // the time is up: the last answer stands
		}
		return false, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		s.note("after %s not all proxies run what they should", q.flags.timeout)
		err = nil
	}
	return last, err
}

// verify asks the proxies of the target once.
func (s *input) verify(ctx context.Context, q verifyQuestion) (report.Verification, error) {
	inventory, err := s.intended(ctx)
	if err != nil {
		return report.Verification{}, err
	}
	view := mesh.New(inventory, "")
	target, workloads, err := s.named(view, q.target)
	if err != nil {
		return report.Verification{}, err
	}
	pods, err := podsWithProxies(inventory, workloads)
	if err != nil {
		return report.Verification{}, err
	}
	asked, err := s.askers(q.flags)
	if err != nil {
		return report.Verification{}, err
	}
	return report.Verification{Target: target, Proxies: asked(ctx, view, pods)}, nil
}

// intended returns the mesh with what its policies come to, as if that was written already.
func (s *input) intended(ctx context.Context) (model.Inventory, error) {
	reader, err := s.reader(ctx)
	if err != nil {
		return model.Inventory{}, err
	}
	if !s.fromFiles() {
		if err := s.settle(ctx, reader); err != nil {
			return model.Inventory{}, err
		}
	}
	return s.inventory(ctx, reader)
}

// podsWithProxies returns the pods of the workloads that have a proxy that can be asked.
func podsWithProxies(i model.Inventory, workloads []*model.Workload) ([]proxy.Pod, error) {
	workloads = slices.DeleteFunc(slices.Clone(workloads), func(w *model.Workload) bool { return w.Dataplane != model.DataplaneSidecar })
	explained, err := explain.Pods(i, workloads)
	if err != nil {
		return nil, err
	}
	var pods []proxy.Pod
	for at, w := range workloads {
		for _, pod := range w.Pods {
			pods = append(pods, proxy.Pod{Name: pod.Name, Workload: w, Explained: explained[at]})
		}
	}
	return pods, nil
}
