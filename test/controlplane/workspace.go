package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// watchdogScript waits until the launcher closes its end of the pipe, which the kernel does for a launcher that dies. Then it
// ends what is left of the processes and removes the folder $1. The list of processes is moved away first: a program that has
// not entered itself by then no longer can, and does not start.
const watchdogScript = `
cat >/dev/null
if mv "$1/running" "$1/ended"; then
	for entry in "$1"/ended/*; do kill -KILL "${entry##*/}"; done
fi
for try in 1 2 3 4 5; do rm -rf "$1" && break; sleep 1; done
`

// starterScript enters its process in the list and writes its flags down, then becomes the program. A call for help is over too soon for
// that.
const starterScript = `#!/bin/sh
[ "${1:-}" = --help ] || { : >%[1]s/$$ && printf '%%s\n' "$@" >"$0.flags"; } || exit 1
exec %[2]s "$@"
`

// workspace is the folder that holds all files of a control plane, and the list of its processes.
type workspace struct {
	dir string
	// close ends the processes that are still listed, and removes the folder. It may be called again.
	close func() error
}

// newWorkspace creates the folder and starts its watchdog.
func newWorkspace() (*workspace, error) {
	dir, err := os.MkdirTemp("", "meshtls-controlplane-")
	if err != nil {
		return nil, fmt.Errorf("creating the folder of the control plane: %w", err)
	}
	w := &workspace{dir: dir}
	for _, folder := range []string{"running", "bin", "logs", "etcd", "certs"} {
		err = errors.Join(err, os.Mkdir(w.path(folder), 0o700))
	}
	if err == nil {
		err = w.watch()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing %s: %w", dir, err), os.RemoveAll(dir))
	}
	return w, nil
}

// watch starts the watchdog. To close the workspace is to let the watchdog do what it is there for.
func (w *workspace) watch() error {
	watchdog := exec.Command("/bin/sh", "-c", watchdogScript, "watchdog", w.dir)
	watchdog.SysProcAttr = ownGroup()
	lead, err := watchdog.StdinPipe()
	if err != nil {
		return err
	}
	w.close = sync.OnceValue(func() error {
		if err := errors.Join(lead.Close(), watchdog.Wait()); err != nil {
			return fmt.Errorf("removing %s: %w", w.dir, err)
		}
		return nil
	})
	return watchdog.Start()
}

// ownGroup puts a process into a group of its own: Ctrl-C in a terminal reaches the caller only, who ends the rest in order.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// path returns the path of a file of the workspace.
func (w *workspace) path(elements ...string) string {
	return filepath.Join(append([]string{w.dir}, elements...)...)
}

// starter writes a script that runs the program as a process of this workspace, and returns the script's path.
func (w *workspace) starter(name, program string) (string, error) {
	script := fmt.Sprintf(starterScript, quoted(w.path("running")), quoted(program))
	path := w.path("bin", name)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		return "", fmt.Errorf("writing the starter of %s: %w", name, err)
	}
	return path, nil
}

// flags returns those that a program was started with.
func (w *workspace) flags(name string) ([]string, error) {
	text, err := os.ReadFile(w.path("bin", name+".flags"))
	if err != nil {
		return nil, fmt.Errorf("reading the flags of %s: %w", name, err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n"), nil
}

// log creates the file that takes the output of a program.
func (w *workspace) log(name string) (*os.File, error) {
	file, err := os.OpenFile(w.path("logs", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", name, err)
	}
	return file, nil
}

// forget empties the list of processes, once they have ended in an orderly way: their numbers may belong to others soon.
func (w *workspace) forget() error {
	entries, err := os.ReadDir(w.path("running"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		err = errors.Join(err, os.Remove(w.path("running", entry.Name())))
	}
	return err
}

// quoted returns a path as one word of a shell script.
func quoted(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
