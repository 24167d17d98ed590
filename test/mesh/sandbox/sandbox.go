package sandbox

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshtls/meshtls/test/controlplane"
)

// The ports of connections that are dialed from inside: above Istio's own, and below those that the kernel chooses from.
const firstPort, ports = 16000, 16000

// startTimeout is what the first process has to make itself at home.
const startTimeout = 30 * time.Second

var (
	//go:embed sandbox.sh
	sandboxScript string
	//go:embed init.sh
	initScript string
)

// Runner runs a program in the background, and ends it when the caller ends, in whatever way.
type Runner interface {
	Run(name, program string, args ...string) (*controlplane.Process, error)
}

// Options say what a sandbox is made of.
type Options struct {
	// Name is unique among the sandboxes of a runner.
	Name string
	// Folder is for the files of the sandbox, and is created; its subfolder root is what programs inside see as /.
	Folder string
	// Programs is a folder that programs inside see as /usr/local/bin.
	Programs string
}

// Sandbox is a set of namespaces with a process that holds them.
type Sandbox struct {
	// Root is the folder that programs inside see as /.
	Root string

	name    string
	runner  Runner
	holder  *controlplane.Process
	pid     int
	network *os.File
	// dialed counts the connections that were opened from inside.
	dialed atomic.Uint32
}

// Start starts a sandbox. Its network has the loopback interface only.
func Start(ctx context.Context, runner Runner, options Options) (*Sandbox, error) {
	s := &Sandbox{Root: filepath.Join(options.Folder, "root"), name: options.Name, runner: runner}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return nil, fmt.Errorf("creating the folder of sandbox %s: %w", s.name, err)
	}
	var err error
	s.holder, err = runner.Run("sandbox-"+s.name, "/bin/sh", "-c", sandboxScript, "sandbox", initScript, options.Folder, options.Programs)
	if err != nil {
		return nil, err
	}
	if s.pid, err = s.waitReady(ctx, filepath.Join(options.Folder, "pid")); err != nil {
		return nil, errors.Join(fmt.Errorf("starting sandbox %s: %w", s.name, err), s.Stop())
	}
	if s.network, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", s.pid)); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// waitReady returns the number of the first process, as soon as it has written it and has made its root folder its own: who enters
// before that is in the host's.
func (s *Sandbox) waitReady(ctx context.Context, file string) (pid int, err error) {
	err = wait.PollUntilContextTimeout(ctx, 2*time.Millisecond, startTimeout, true, func(context.Context) (bool, error) {
		content, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false, s.holder.Err()
		case err != nil:
			return false, err
		}
		if pid, err = strconv.Atoi(strings.TrimSpace(string(content))); err != nil {
			return false, err
		}
		return s.isRootOf(pid), s.holder.Err()
	})
	return pid, err
}

// isRootOf reports whether the root folder is what the process sees as /.
func (s *Sandbox) isRootOf(pid int) bool {
	own, err := os.Stat(s.Root)
	seen, seenErr := os.Stat(fmt.Sprintf("/proc/%d/root/", pid))
	return err == nil && seenErr == nil && os.SameFile(own, seen)
}

// Stop ends everything inside. It may be called again.
func (s *Sandbox) Stop() error {
	err := s.holder.Stop()
	if s.network != nil {
		_ = s.network.Close() // a second time is an error that says nothing
	}
	return err
}

// PID returns the number of the first process, as the host counts.
func (s *Sandbox) PID() int { return s.pid }

// Command returns the command line that runs a program inside, for whoever starts programs on the host.
func (s *Sandbox) Command(args ...string) []string {
	return append([]string{
		"nsenter", "--target", strconv.Itoa(s.pid), "--net", "--mount", "--pid", "--root", "--wd", "--",
	}, args...)
}

// Run runs a program inside until it ends, and returns what it wrote.
func (s *Sandbox) Run(ctx context.Context, args ...string) (string, error) {
	command := s.Command(args...)
	output, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running %s in sandbox %s: %w\n%s", args[0], s.name, err, output)
	}
	return string(output), nil
}

// Background starts a program inside that ends with the sandbox.
func (s *Sandbox) Background(name string, args ...string) (*controlplane.Process, error) {
	command := s.Command(args...)
	program, err := exec.LookPath(command[0])
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", command[0], err)
	}
	return s.runner.Run(name+"-"+s.name, program, command[1:]...)
}

// Configure hands commands to ip(8), which runs them in the sandbox's network.
func (s *Sandbox) Configure(ctx context.Context, commands ...string) error {
	ip := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(s.pid), "--net", "--", "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if output, err := ip.CombinedOutput(); err != nil {
		return fmt.Errorf("configuring the network of sandbox %s: %w\n%s", s.name, err, output)
	}
	return nil
}

// Signal sends a signal to every process inside but the first.
func (s *Sandbox) Signal(signal syscall.Signal) error {
	processes, err := s.processes()
	for _, pid := range processes {
		err = errors.Join(err, syscall.Kill(pid, signal))
		if signal == syscall.SIGCONT { // nsenter stops when what it has started is stopped, and is outside
			err = errors.Join(err, syscall.Kill(parent(pid), signal))
		}
	}
	return err
}

// processes returns the numbers of the processes inside but the first, as the host counts.
func (s *Sandbox) processes() ([]int, error) {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", s.pid))
	if err != nil {
		return nil, fmt.Errorf("finding the processes of sandbox %s: %w", s.name, err)
	}
	namespaces, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	var found []int
	for _, namespace := range namespaces {
		pid, _ := strconv.Atoi(strings.Split(namespace, "/")[2])
		if other, _ := os.Readlink(namespace); other == own && pid != s.pid {
			found = append(found, pid)
		}
	}
	return found, err
}

// parent returns the number of a process's parent; that of this process if it has just ended.
func parent(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, found := strings.Cut(string(status), "\nPPid:")
	if err != nil || !found {
		return os.Getpid()
	}
	number, _, _ := strings.Cut(rest, "\n")
	if parent, err := strconv.Atoi(strings.TrimSpace(number)); err == nil && parent > 0 {
		return parent
	}
	return os.Getpid()
}

// Dial opens a connection from inside. The address is an IP address and a port. Its own port is one that no connection from inside
// has had for long, and that the kernel gives to no program: a redirected connection from a port that another has just had would be
// seen with another port than its own.
func (s *Sandbox) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{Port: firstPort + int(s.dialed.Add(1)%ports)}}
		connection, err := inside(s, func() (net.Conn, error) { return dialer.DialContext(ctx, network, address) })
		if !errors.Is(err, syscall.EADDRINUSE) || ctx.Err() != nil {
			return connection, err
		}
	}
}

// Listen listens inside. The address is an IP address and a port.
func (s *Sandbox) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return inside(s, func() (net.Listener, error) { return new(net.ListenConfig).Listen(ctx, network, address) })
}

// Sniff opens a socket that receives every packet of the sandbox's network.
func (s *Sandbox) Sniff() (*os.File, error) {
	return inside(s, packets)
}
