// Command istiod is Istio's own code as a program for the tests: it is shown worlds, and says what each proxy would be given. It is no
// control plane of a cluster. See package wire for what it is asked.
//
// It reads questions from file descriptor 3 and answers on 4, until there are no more questions. It is a module of its own, with a file for
// each version of Istio: go.mod has the newest, istio-<minor>.mod an older one (go build -modfile).
package main

import (
	"fmt"
	"io"
	"net/rpc"
	"os"

	"istio.io/istio/pkg/kube/krt"
	istiolog "istio.io/istio/pkg/log"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

const questions, answers = 3, 4

func main() {
	silence()
	// For its debugger Istio would hold on to every world.
	krt.GlobalDebugHandler = nil
	if err := rpc.RegisterName(wire.Service, &Istio{meshes: map[int]*mesh{}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	rpc.ServeConn(pipes{os.NewFile(questions, "questions"), os.NewFile(answers, "answers")})
}

// silence keeps Istio's log, which is long and warns of every server that it drops, out of the tests' output.
func silence() {
	for _, scope := range istiolog.Scopes() {
		scope.SetOutputLevel(istiolog.NoneLevel)
	}
}

// pipes are one connection of two.
type pipes struct {
	io.Reader
	io.WriteCloser
}
