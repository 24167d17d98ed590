package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestVerify runs verify over manifests and saved dumps, and compares what it prints with testdata/verify/<name>.stdout and .stderr. The
// certificates in the dumps expire, and what is said of that changes with the day: what a proxy runs is judged by internal/proxy.
func TestVerify(t *testing.T) {
	const saved = "../../internal/proxy/testdata/"
	world := "-f " + saved + "an-EnvoyFilter-opens-a-port.in.yaml"
	tests := map[string]struct {
		args string
		want int
	}{
		"pod-without-dump": {args: "pod/client.shop " + world + " --dump " + saved + "an-EnvoyFilter-opens-a-port.server.dump.json", want: exitFailure},
		"no-dump":          {args: "-n shop " + world, want: exitFailure},
		"not-a-dump":       {args: "-n shop " + world + " --dump testdata/in/bad.yaml", want: exitFailure},
		"wait-for-dumps":   {args: "-n shop " + world + " --wait --dump testdata/in/bad.yaml", want: exitFailure},
		"no-time":          {args: "-n shop --wait --timeout=0s", want: exitFailure},
		"unknown-output":   {args: "-n shop -o yaml " + world, want: exitFailure},
		"unknown-workload": {args: "deployment/payment.shop " + world + " --dump " + saved + "an-EnvoyFilter-opens-a-port.server.dump.json", want: exitFailure},
		"help":             {args: "--help"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := call(t, "", append([]string{"verify"}, strings.Fields(tc.args)...)...)
			if code != tc.want {
				t.Errorf("got exit code %d, want %d; the standard error says:\n%s", code, tc.want, stderr)
			}
			compareGolden(t, filepath.Join("verify", name+".stdout"), stdout)
			compareGolden(t, filepath.Join("verify", name+".stderr"), stderr)
		})
	}
}

// TestVerifyFinds wants a proxy that differs to be told by the exit code.
func TestVerifyFinds(t *testing.T) {
	const saved = "../../internal/proxy/testdata/an-EnvoyFilter-opens-a-port"
	stdout, stderr, code := call(t, "", "verify", "pod/server.shop", "-f", saved+".in.yaml", "--dump", saved+".server.dump.json")
	if code != exitFindings {
		t.Errorf("got exit code %d, want %d; the standard error says:\n%s", code, exitFindings, stderr)
	}
	for _, want := range []string{"inbound 8090: it runs Permissive, want Strict", "EnvoyFilter shop/opens-port"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}
