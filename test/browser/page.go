package browser

import (
	"bufio"
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ServePage runs kubectl meshtls ui of the built plugin with more arguments until the test ends, and returns the page's address.
func ServePage(t testing.TB, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	page := exec.CommandContext(ctx, program, slices.Concat([]string{"ui", "--no-browser"}, arguments)...)
	out, err := page.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = page.Wait() // it was told to end
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("reading the page's address: %v", err)
	}
	return strings.TrimSpace(line)
}
