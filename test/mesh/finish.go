package mesh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh/kubelet"
)

// Finish stops the mesh at the end of a test. If that has failed, the logs of all parts are kept, and the test says where.
func (m *Mesh) Finish(t testing.TB) {
	t.Helper()
	if t.Failed() {
		folder, err := m.keepLogs(t.Name())
		if err != nil {
			t.Errorf("keeping the logs: %v", err)
		}
		t.Logf("The logs of the mesh are in %s.", folder)
	}
	if err := m.Stop(); err != nil {
		t.Error(err)
	}
}

// keepLogs copies the logs of all parts into a folder for the test.
func (m *Mesh) keepLogs(test string) (string, error) {
	root, err := controlplane.Root()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(root, "bin", "logs", strings.ReplaceAll(test, "/", "-"))
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(m.Plane.Folder(), "logs", "*"))
	access, globErr := filepath.Glob(filepath.Join(m.Plane.Folder(), "pods", "*", "root", accessLogFile))
	err = errors.Join(err, globErr)
	for _, file := range append(append(files, access...), filepath.Join(m.Plane.Folder(), "pods", kubelet.LogFile)) {
		err = errors.Join(err, keep(file, filepath.Join(folder, nameOf(m.Plane.Folder(), file))))
	}
	return folder, err
}

// nameOf returns a name for a log that tells of whom it is.
func nameOf(folder, file string) string {
	name, _ := filepath.Rel(folder, file)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "logs/"), "pods/")
	return strings.ReplaceAll(strings.Replace(name, "/root"+accessLogFile, ".access.log", 1), "/", "-")
}

func keep(file, copied string) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("keeping %s: %w", file, err)
	}
	return os.WriteFile(copied, content, 0o644)
}
