package controlplane

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// stopTimeout is what a process has to end by itself after SIGTERM.
	stopTimeout = 20 * time.Second
	// tailBytes is how much of a log goes into an error message.
	tailBytes = 2000
)

// Process is a program that runs beside the control plane and ends with it.
type Process struct {
	// Log is the path of the file with its output. The file goes when the control plane stops.
	Log string

	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// Run starts a program that lives no longer than the control plane.
func (c *ControlPlane) Run(name, program string, args ...string) (*Process, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", name, err)
	}
	c.mu.Lock() // nothing starts while the control plane stops, nor afterwards: the folder is gone
	defer c.mu.Unlock()
	starter, err := c.workspace.starter(name, program)
	if err != nil {
		return nil, err
	}
	log, err := c.workspace.log(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	p := &Process{Log: log.Name(), name: name, cmd: exec.Command(starter, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // Err tells how it ended, from the process state
	}()
	c.processes = append(c.processes, p)
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} {
	return p.done
}

// PID returns the number that the system knows the process by.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends the process a signal, such as SIGSTOP to have it stand still.
func (p *Process) Signal(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signalling %s: %w", p.name, err)
	}
	return nil
}

// Err says why the process ended, with its last words; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %v\n%s", p.name, p.cmd.ProcessState, p.Tail())
	default:
		return nil
	}
}

// Stop asks the process to end, waits for it, and ends it by force if it takes too long. It may be called again.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("stopping %s: it did not end within %s and was killed", p.name, stopTimeout)
	}
}

// Tail returns the last words of the process.
func (p *Process) Tail() string {
	return tail(p.Log)
}

// tail returns the end of a log, from the start of a line.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(content) <= tailBytes {
		return string(content)
	}
	_, lines, _ := strings.Cut(string(content[len(content)-tailBytes:]), "\n")
	return lines
}

// FreeAddress returns an address of the loopback interface that nobody listens at now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// freePort returns a TCP port of the loopback interface that nobody listens on now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
