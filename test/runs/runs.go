package runs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/versions"
)

// variableRecord is the variable that has runs recorded.
const variableRecord = "MESHTLS_RECORD"

// Record puts the run on record when the test has passed, in the place of the one before of the same part against the same versions. The
// day is today's.
func Record(t *testing.T, run versions.Run) {
	t.Helper()
	if os.Getenv(variableRecord) != "1" {
		return
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		run.On = time.Now().UTC().Format(time.DateOnly)
		if err := write(run); err != nil {
			t.Error(err)
		}
	})
}

func write(run versions.Run) error {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/meshtls/meshtls").Output()
	if err != nil {
		return fmt.Errorf("finding the record: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(folder)), "internal", "versions", "runs.json")
	content, err := os.ReadFile(path) // #nosec G304 -- a file of this repository
	if err != nil {
		return fmt.Errorf("reading the record: %w", err)
	}
	var all []versions.Run
	if err := json.Unmarshal(content, &all); err != nil {
		return fmt.Errorf("reading the record: %w", err)
	}
	if content, err = json.MarshalIndent(with(all, run), "", "  "); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	return os.WriteFile(path, append(content, '\n'), 0o600)
}

// with returns the runs with a further one, by Istio, the newest first, Kubernetes and part.
func with(all []versions.Run, run versions.Run) []versions.Run {
	all = slices.DeleteFunc(slices.Clone(all), func(before versions.Run) bool { return order(before, run) == 0 })
	all = append(all, run)
	slices.SortFunc(all, order)
	return all
}

func order(a, b versions.Run) int {
	return cmp.Or(versions.Compare(b.Istio, a.Istio), versions.Compare(a.Kubernetes, b.Kubernetes), cmp.Compare(a.Part, b.Part))
}
