package oracle

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

const (
	// variableIstio says in the environment which Istio judges, by its minor version. Empty: the newest.
	variableIstio = "ISTIO"
	// newest is the minor version of the Istio of istiod/go.mod.
	newest = "1.31"
)

// Version returns the minor version of the Istio that judges, as in 1.31.
func Version() string { return cmp.Or(os.Getenv(variableIstio), newest) }

// IsNewest reports whether the newest Istio judges.
func IsNewest() bool { return Version() == newest }

// ask puts a question to the program with Istio in it, which is built and started for the first one, and ends with the tests.
func ask(question string, about, answer any) error {
	client, err := connected()
	if err != nil {
		return err
	}
	if err := client.Call(wire.Service+"."+question, about, answer); err != nil {
		return fmt.Errorf("asking Istio %s for %s: %w", Version(), question, err)
	}
	return nil
}

var connected = sync.OnceValues(func() (*rpc.Client, error) {
	program, err := build()
	if err != nil {
		return nil, err
	}
	return start(program)
})

// build returns the program, which it builds where that is due: Go knows.
func build() (string, error) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/meshtls/meshtls/test/conformance/istiod").Output()
	if err != nil {
		return "", fmt.Errorf("finding the program with Istio: %w", err)
	}
	source := strings.TrimSpace(string(folder))
	program := filepath.Join(source, "..", "..", "..", "bin", "conformance", "istio-"+Version())
	command := exec.Command("go", "build", "-o", program) // #nosec G204 -- the version is the caller's
	if !IsNewest() {
		command.Args = append(command.Args, "-modfile=istio-"+Version()+".mod")
	}
	command.Dir = source
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program with Istio %s: %w\n%s", Version(), err, output)
	}
	return program, nil
}

// start starts the program, with pipes at the file descriptors of which it knows.
func start(program string) (*rpc.Client, error) {
	itsQuestions, ourQuestions, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for questions: %w", err)
	}
	ourAnswers, itsAnswers, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for answers: %w", err)
	}
	command := exec.Command(program) // #nosec G204 -- what was built
	command.Stderr, command.ExtraFiles = os.Stderr, []*os.File{itsQuestions, itsAnswers}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the program with Istio: %w", err)
	}
	if err := errors.Join(itsQuestions.Close(), itsAnswers.Close()); err != nil {
		return nil, fmt.Errorf("handing over the pipes: %w", err)
	}
	return rpc.NewClient(pipes{ourAnswers, ourQuestions}), nil
}

// pipes are one connection of two.
type pipes struct {
	io.Reader
	io.WriteCloser
}
