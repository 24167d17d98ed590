package browser

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshtls/meshtls/test/controlplane"
)

// defaultChromium is Debian's.
const defaultChromium = "/usr/bin/chromium"

// Require ends a test that needs a browser where none can be had: it is skipped, and fails where PAGE=required says that nothing may be
// left out.
func Require(t testing.TB) {
	t.Helper()
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	missing := missingIn(root)
	switch {
	case missing == "":
	case os.Getenv("PAGE") == "required":
		t.Fatalf("PAGE=required, and no browser can look at the page. %s", missing)
	default:
		// The page's own tests, and those of its server, look at most of it without a cluster; make page says what is left out.
		t.Skipf("not seen by a browser. %s", missing)
	}
}

// missingIn says in one sentence why no browser can be had, and how that is mended; empty if one can.
func missingIn(root string) string {
	if _, err := os.Stat(cmp.Or(os.Getenv("CHROMIUM"), defaultChromium)); err != nil {
		return "Chromium is not installed: in Debian, the package chromium; or CHROMIUM names it."
	}
	if _, err := exec.LookPath("node"); err != nil {
		return "Node is not installed: version 20.19 or newer."
	}
	if _, err := os.Stat(filepath.Join(root, "ui", "node_modules", "playwright-core")); err != nil {
		return "What drives the browser is not in ui/node_modules: run make ui."
	}
	return ""
}

// Run runs a script of ui/tests with more environment, and logs the steps that it tells of; all that it says if it fails.
func Run(t testing.TB, limit time.Duration, script string, environment ...string) {
	t.Helper()
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	defer cancel()
	node := exec.CommandContext(ctx, "node", filepath.Join("tests", script))
	node.Dir = filepath.Join(root, "ui")
	node.Env = append(os.Environ(), environment...)
	output, err := node.CombinedOutput()
	for line := range strings.Lines(string(output)) {
		if step, is := strings.CutPrefix(line, "step: "); is {
			t.Log(strings.TrimSpace(step))
		}
	}
	if err != nil {
		t.Fatalf("the browser: %v\n%s", err, output)
	}
}
