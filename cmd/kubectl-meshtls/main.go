// Command kubectl-meshtls is the kubectl plugin: it shows what TLS a mesh uses, what is wrong with it, and what MeshTLSPolicies
// come to, from a cluster or from manifest files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/meshtls/meshtls/internal/source"
)

// The exit codes.
const (
	exitOK = iota
	// exitFindings: the answer is there, and is not what one would wish: findings, or a policy that is not accepted.
	exitFindings
	// exitFailure: there is no answer, or not the whole one: wrong input, or an error on the way.
	exitFailure
)

func main() {
	collectSeldom()
	ctrllog.SetLogger(logr.Discard()) // errors say what the libraries log
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, streams, os.Args[1:])
	stop()
	os.Exit(code)
}

// collectSeldom lets garbage grow to twice of what lives, unless GOGC says otherwise: what a command reads lives until its end, and looking
// through it again and again took an eighth of the time that reading 20,000 objects takes.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// run runs the command of the arguments, and returns its exit code.
func run(ctx context.Context, streams genericiooptions.IOStreams, args []string) int {
	root := newRoot(streams)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), streams.ErrOut)
}

// errFindings ends a command that has already shown what is wrong.
var errFindings = errors.New("there are findings")

// exitCode returns the exit code for how a command ended; what it has not shown yet is written to out.
func exitCode(err error, out io.Writer) int {
	code := exitOK
	for _, each := range apart(err) {
		if errors.Is(each, errFindings) {
			code = max(code, exitFindings)
			continue
		}
		code = exitFailure
		printError(out, each)
	}
	return code
}

// apart returns the errors that were joined; none for nil.
func apart(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, apart(each)...)
	}
	return all
}

// printError writes a line. Errors of manifests begin with the file, as those of compilers do.
func printError(out io.Writer, err error) {
	if ofManifest := (*source.Error)(nil); errors.As(err, &ofManifest) {
		_, _ = fmt.Fprintln(out, err)
		return
	}
	_, _ = fmt.Fprintf(out, "error: %v\n", err)
}
