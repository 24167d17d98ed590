package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"

	"github.com/meshtls/meshtls/test/mesh/relay"
)

const (
	// idleTimeout ends streams that nobody uses; creationTimeout those that are not complete.
	idleTimeout, creationTimeout = 10 * time.Minute, 30 * time.Second
)

// Handler returns the part of the kubelet's API that kubectl port-forward and kubectl exec go through.
func (k *Kubelet) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		pod, err := k.Pod(r.PathValue("namespace"), r.PathValue("pod"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, pod, pod.object.Name, string(pod.object.UID), options,
			idleTimeout, creationTimeout, portforward.SupportedProtocols)
	})
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		pod, err := k.Pod(r.PathValue("namespace"), r.PathValue("pod"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		options, err := remotecommand.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		remotecommand.ServeExec(w, r, pod, pod.object.Name, string(pod.object.UID), r.PathValue("container"), r.URL.Query()["command"],
			options, idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
	})
	return mux
}

// PortForward connects a stream with a port of the pod: from inside, past its proxy, as kubelets do.
func (p *Pod) PortForward( //nolint:revive // argument-limit: the interface is Kubernetes'
	ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser,
) error {
	connection, err := p.Sandbox.Dial(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return errors.Join(err, stream.Close())
	}
	relay.Join(connection, stream)
	return nil
}

// ExecInContainer runs a command in the pod. There are no terminals here.
func (p *Pod) ExecInContainer( //nolint:revive // argument-limit: the interface is Kubernetes'
	ctx context.Context, _, _, _ string, command []string, in io.Reader, out, errs io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	line := p.Sandbox.Command(command...)
	program := exec.CommandContext(ctx, line[0], line[1:]...)
	program.Stdin = in
	if out != nil {
		program.Stdout = out
	}
	if errs != nil {
		program.Stderr = errs
	}
	err := program.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return utilexec.ExitErrorWrapper{ExitError: exit}
	}
	return err
}
