package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/meshtls/meshtls/test/golden"
)

func TestMain(m *testing.M) {
	flag.Parse()
	release = "v0.0.0-test"
	// No test may find a cluster that somebody has at hand.
	_ = os.Setenv("KUBECONFIG", filepath.Join(os.TempDir(), "no-such-kubeconfig"))
	os.Exit(m.Run())
}

// call runs the command in this process.
func call(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errOut}
	code = run(t.Context(), streams, args)
	return out.String(), errOut.String(), code
}

// TestGolden runs commands over the manifests in testdata/in, and compares what they print with testdata/<command>/<name>.stdout and
// .stderr. A stream that says nothing has no file.
func TestGolden(t *testing.T) {
	tests := map[string]struct {
		args  string
		stdin string
		want  int
	}{
		"ui/apply-to-files":          {args: "ui -f testdata/in/sane.yaml --allow-apply", want: exitFailure},
		"ui/scrape-files":            {args: "ui -f testdata/in/sane.yaml --scrape", want: exitFailure},
		"ui/two-sources":             {args: "ui --scrape --prometheus http://127.0.0.1:1", want: exitFailure},
		"ui/no-such-port":            {args: "ui -f testdata/in/sane.yaml --port 70000", want: exitFailure},
		"ui/no-such-time":            {args: "ui -f testdata/in/sane.yaml --since soon", want: exitFailure},
		"lint/plain-istio":           {args: "lint -f testdata/in/istio.yaml", want: exitFindings},
		"lint/plain-istio-json":      {args: "lint -f testdata/in/istio.yaml -o json", want: exitFindings},
		"lint/plain-istio-report":    {args: "lint -f testdata/in/istio.yaml -o policyreport", want: exitFindings},
		"lint/all-is-well-report":    {args: "lint -f testdata/in/sane.yaml -o policyreport"},
		"lint/plain-istio-sarif":     {args: "lint -f testdata/in/istio.yaml -o sarif", want: exitFindings},
		"lint/one-namespace":         {args: "lint -f testdata/in/istio.yaml -n shop", want: exitFindings},
		"lint/all-is-well":           {args: "lint -f testdata/in/sane.yaml"},
		"lint/bad-documents":         {args: "lint -f testdata/in/bad.yaml", want: exitFailure},
		"lint/bad-documents-json":    {args: "lint -f testdata/in/bad.yaml -o json", want: exitFailure},
		"lint/bad-documents-sarif":   {args: "lint -f testdata/in/bad.yaml -o sarif", want: exitFailure},
		"lint/policies":              {args: "lint -f testdata/in/policies.yaml", want: exitFindings},
		"lint/policies-and-foreign":  {args: "lint -f testdata/in/foreign.yaml", want: exitFindings},
		"lint/one-policy":            {args: "lint -f testdata/in/one-policy.yaml"},
		"lint/one-policy-complete":   {args: "lint -f testdata/in/one-policy.yaml --complete", want: exitFindings},
		"lint/one-policy-beside":     {args: "lint -f testdata/in/one-policy.yaml -f testdata/in/neighbours.yaml", want: exitFindings},
		"lint/cluster-without-files": {args: "lint --with-cluster", want: exitFailure},
		"lint/cluster-and-complete":  {args: "lint -f testdata/in/one-policy.yaml --with-cluster --complete", want: exitFailure},
		"status/one-policy":          {args: "status -f testdata/in/one-policy.yaml"},
		"status/one-policy-complete": {args: "status -f testdata/in/one-policy.yaml --complete", want: exitFindings},
		"render/one-policy":          {args: "render -f testdata/in/one-policy.yaml"},
		"diff/text":                  {args: "diff --from testdata/in/diff/before.yaml -f testdata/in/diff/after.yaml", want: exitFindings},
		"diff/markdown":              {args: "diff --from testdata/in/diff/before.yaml -f testdata/in/diff/after.yaml -o markdown", want: exitFindings},
		"diff/json":                  {args: "diff --from testdata/in/diff/before.yaml testdata/in/diff/after.yaml -o json", want: exitFindings},
		"diff/yaml-of-one-namespace": {
			args: "diff --from testdata/in/diff/before.yaml -f testdata/in/diff/after.yaml -o yaml -n dev", want: exitFindings,
		},
		"diff/back":                         {args: "diff --from testdata/in/diff/after.yaml -f testdata/in/diff/before.yaml", want: exitFindings},
		"diff/nothing":                      {args: "diff --from testdata/in/diff/after.yaml -f testdata/in/diff/after.yaml"},
		"diff/no-files":                     {args: "diff", want: exitFailure},
		"diff/unknown-output":               {args: "diff -f testdata/in/diff/after.yaml -o table", want: exitFailure},
		"diff/bad-documents":                {args: "diff --from testdata/in/diff/after.yaml -f testdata/in/bad.yaml", want: exitFailure},
		"diff/no-such-file":                 {args: "diff --from testdata/in/absent.yaml -f testdata/in/diff/after.yaml", want: exitFailure},
		"diff/no-cluster":                   {args: "diff -f testdata/in/diff/after.yaml --server http://127.0.0.1:1", want: exitFailure},
		"lint/folders":                      {args: "lint testdata/in/folders"},
		"lint/folders-json":                 {args: "lint -f testdata/in/folders -o json"},
		"lint/chart":                        {args: "lint testdata/in/folders/chart", want: exitFailure},
		"lint/kustomize-absent":             {args: "lint -k testdata/in/folders/absent", want: exitFailure},
		"render/kustomize":                  {args: "render -k testdata/in/folders/overlays/prod"},
		"diff/kustomize":                    {args: "diff --from testdata/in/folders/overlays/dev -k testdata/in/folders/overlays/prod", want: exitFindings},
		"check/unknown-output":              {args: "check -o yaml", want: exitFailure},
		"check/no-cluster":                  {args: "check --pre --server http://127.0.0.1:1", want: exitFailure},
		"check/files":                       {args: "check -f testdata/in/sane.yaml", want: exitFailure},
		"explain/yaml":                      {args: "explain deployment/catalog.shop -p 8080 -f testdata/in/diff/after.yaml -o yaml"},
		"explain/dot":                       {args: "explain deployment/catalog.shop -f testdata/in/diff/after.yaml -o dot"},
		"explain/mermaid":                   {args: "explain ns/dev --all -f testdata/in/diff/after.yaml -o mermaid"},
		"explain/mermaid-gateway":           {args: "explain deployment/istio-ingressgateway -f ../../config/samples -o mermaid"},
		"root/completion-of-kinds":          {args: "__complete explain depl"},
		"root/completion-of-targets":        {args: "__complete explain -f testdata/in/diff/after.yaml deployment/c"},
		"root/completion-of-a-policy":       {args: "__complete explain -f testdata/in/policies.yaml -n bank mtp/"},
		"root/completion-of-namespaces":     {args: "__complete lint -f testdata/in/diff/after.yaml -n s"},
		"root/completion-without-a-cluster": {args: "__complete lint --server http://127.0.0.1:1 -n s"},
		"lint/unknown-kinds":                {args: "lint -f testdata/in/unknown.yaml"},
		"lint/strangers":                    {args: "lint testdata/in/strangers", want: exitFailure},
		"lint/strangers-json":               {args: "lint testdata/in/strangers/kinds.yaml -o json", want: exitFailure},
		"lint/no-such-namespace":            {args: "lint -f testdata/in/istio.yaml -n shp"},
		"lint/not-configured":               {args: "lint", want: exitFailure},
		"render/arguments":                  {args: "render testdata/in/policies.yaml -n bank"},
		"status/arguments":                  {args: "status testdata/in/policies.yaml -f testdata/in/absent.yaml -n bank", want: exitFailure},
		"import/arguments":                  {args: "import testdata/in/istio.yaml", want: exitFindings},
		"exceptions/arguments":              {args: "exceptions testdata/in/policies.yaml"},
		"edges/arguments":                   {args: "edges testdata/in/traffic.yaml -n bank --recording testdata/in/recording.json --since 1h"},
		"lint/empty":                        {args: "lint -f testdata/in/empty.yaml", want: exitFailure},
		"lint/binary":                       {args: "lint -f -", stdin: "\x7fELF\x00\x01", want: exitFailure},
		"lint/stdin":                        {args: "lint -f - -n bank", stdin: "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a}, spec: {mtls: {mode: STRICT}}}"},
		"lint/no-such-file":                 {args: "lint -f testdata/in/absent.yaml -f testdata/in/sane.yaml", want: exitFailure},
		"import/fields-of-a-newer-istio":    {args: "import -f testdata/in/newer.yaml", want: exitFailure},
		"lint/traffic": {
			args: "lint -f testdata/in/traffic.yaml -f testdata/in/strict.yaml --recording testdata/in/recording.json --since 1h --fail-on warning", want: exitFindings,
		},
		"lint/traffic-is-silent": {
			args: "lint -f testdata/in/traffic.yaml -f testdata/in/strict.yaml --recording testdata/in/recording-silent.json --since 1h",
		},
		"lint/traffic-muted": {
			args: "lint -f testdata/in/traffic.yaml -f testdata/in/strict-muted.yaml --recording testdata/in/recording.json --since 1h --fail-on warning",
		},
		"lint/traffic-of-nobody-strict": {args: "lint -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h"},
		"lint/two-sources":              {args: "lint -f testdata/in/traffic.yaml --recording a --prometheus http://b", want: exitFailure},
		"lint/unknown-output":           {args: "lint -f - -o yaml", want: exitFailure},
		"lint/unknown-severity":         {args: "lint -f - --fail-on info", want: exitFailure},
		"lint/no-cluster":               {args: "lint --server http://127.0.0.1:1", want: exitFailure},
		"render/samples":                {args: "render -f ../../config/samples", want: exitFindings},
		"render/not-accepted":           {args: "render -f testdata/in/policies.yaml", want: exitFindings},
		"render/one-namespace":          {args: "render -f testdata/in/policies.yaml -n bank"},
		"render/foreign-counts-older":   {args: "render -f testdata/in/foreign.yaml"},
		"render/follows-what-it-wrote":  {args: "render -f testdata/in/chain.yaml"},
		"render/bad-documents":          {args: "render -f testdata/in/bad.yaml", want: exitFailure},
		"render/no-policies":            {args: "render -f testdata/in/istio.yaml"},
		"status/table":                  {args: "status -f testdata/in/policies.yaml", want: exitFindings},
		"status/wide":                   {args: "status -f testdata/in/policies.yaml -o wide -n bank"},
		"status/gateways":               {args: "status -f ../../config/samples -n istio-ingress"},
		"status/yaml":                   {args: "status -f testdata/in/policies.yaml -o yaml -n shop", want: exitFindings},
		"status/json":                   {args: "status -f testdata/in/policies.yaml -o json -n bank"},
		"status/none":                   {args: "status -f testdata/in/istio.yaml"},
		"render/rollout":                {args: "render -f testdata/in/rollout.yaml"},
		"render/rollout-first":          {args: "render -f testdata/in/rollout.yaml --stage first"},
		"render/rollout-last":           {args: "render -f testdata/in/rollout.yaml --stage last"},
		"render/unknown-stage":          {args: "render -f testdata/in/rollout.yaml --stage middle", want: exitFailure},
		"status/rollout":                {args: "status -f testdata/in/rollout.yaml", want: exitFindings},
		"rollout/status":                {args: "rollout status -f testdata/in/rollout.yaml", want: exitFindings},
		"rollout/status-of-one":         {args: "rollout status cart -f testdata/in/rollout.yaml -n shop"},
		"rollout/status-none":           {args: "rollout status -f testdata/in/policies.yaml"},
		"rollout/pause":                 {args: "rollout pause payments -n shop"},
		"rollout/resume":                {args: "rollout resume payments -n shop"},
		"rollout/pause-files":           {args: "rollout pause payments -f testdata/in/rollout.yaml", want: exitFailure},
		"rollout/approve-nobody":        {args: "rollout approve", want: exitFailure},
		"rollout/no-cluster":            {args: "rollout approve payments -n shop --apply --server http://127.0.0.1:1", want: exitFailure},
		"exceptions/due":                {args: "exceptions -f testdata/in/exceptions.yaml", want: exitFindings},
		"exceptions/due-json":           {args: "exceptions -f testdata/in/exceptions.yaml -n bank -o json", want: exitFindings},
		"exceptions/none-yaml":          {args: "exceptions -f testdata/in/policies.yaml -o yaml"},
		"exceptions/none":               {args: "exceptions -f testdata/in/policies.yaml"},
		"exceptions/unknown-output":     {args: "exceptions -o text", want: exitFailure},
		"status/unknown-output":         {args: "status -f testdata/in/istio.yaml -o sarif", want: exitFailure},
		"evidence/found": {
			args: "evidence service/catalog.shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h", want: exitFindings,
		},
		"evidence/found-json": {
			args: "evidence workload/catalog-1 -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 6h -o json", want: exitFindings,
		},
		"evidence/found-yaml": {
			args: "evidence pod/catalog-1 -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h -o yaml", want: exitFindings,
		},
		"evidence/clean":            {args: "evidence svc/catalog.shop -f testdata/in/traffic.yaml --recording testdata/in/recording-clean.json --since 1h"},
		"evidence/unknown":          {args: "evidence -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording-silent.json --since 1h", want: exitFailure},
		"evidence/whole-mesh":       {args: "evidence -f testdata/in/traffic.yaml --recording testdata/in/recording.json", want: exitFindings},
		"evidence/telemetry":        {args: "evidence --print-telemetry -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json"},
		"evidence/no-such-target":   {args: "evidence service/catalogue -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json", want: exitFailure},
		"evidence/no-source":        {args: "evidence -f testdata/in/traffic.yaml", want: exitFailure},
		"evidence/two-sources":      {args: "evidence --prometheus http://127.0.0.1:1 --recording a.json", want: exitFailure},
		"evidence/no-such-length":   {args: "evidence --since soon", want: exitFailure},
		"evidence/too-short":        {args: "evidence --since 1s", want: exitFailure},
		"evidence/unknown-output":   {args: "evidence -o table", want: exitFailure},
		"evidence/no-prometheus":    {args: "evidence -f testdata/in/traffic.yaml --prometheus http://127.0.0.1:1 svc/catalog.shop", want: exitFailure},
		"evidence/no-address":       {args: "evidence -f testdata/in/traffic.yaml --prometheus prometheus:9090 svc/catalog.shop", want: exitFailure},
		"evidence/bad-recording":    {args: "evidence -f testdata/in/traffic.yaml --recording testdata/in/traffic.yaml", want: exitFailure},
		"evidence/two-targets":      {args: "evidence svc/a svc/b", want: exitFailure},
		"edges/text":                {args: "edges -n shop -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h", want: exitFindings},
		"edges/json":                {args: "edges -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h -o json", want: exitFindings},
		"edges/yaml":                {args: "edges -f testdata/in/traffic.yaml --recording testdata/in/recording-clean.json --since 1h -o yaml"},
		"edges/nobody":              {args: "edges -n bank -f testdata/in/traffic.yaml --recording testdata/in/recording.json --since 1h"},
		"edges/unknown-output":      {args: "edges -o wide", want: exitFailure},
		"preflight/jobs":            {args: "preflight service/catalog.shop -f testdata/in/traffic.yaml"},
		"preflight/refused":         {args: "preflight -n shop -f testdata/in/preflight.yaml", want: exitFindings},
		"preflight/refused-json":    {args: "preflight pod/catalog-1 -n shop -f testdata/in/preflight.yaml -o json", want: exitFindings},
		"preflight/jobs-yaml":       {args: "preflight -n shop -f testdata/in/traffic.yaml -o yaml"},
		"preflight/no-such-target":  {args: "preflight service/catalogue -n shop -f testdata/in/traffic.yaml", want: exitFailure},
		"preflight/namespace":       {args: "preflight ns/shop -f testdata/in/traffic.yaml", want: exitFailure},
		"preflight/unknown-output":  {args: "preflight -o table", want: exitFailure},
		"root/unknown-command":      {args: "frobnicate", want: exitFailure},
		"root/unknown-flag":         {args: "lint --frobnicate", want: exitFailure},
		"root/help":                 {args: "--help"},
		"root/completion-of-a-flag": {args: "__complete lint --output s"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := call(t, tc.stdin, strings.Fields(tc.args)...)
			if code != tc.want {
				t.Errorf("got exit code %d, want %d; the standard error says:\n%s", code, tc.want, stderr)
			}
			compareGolden(t, name+".stdout", stdout)
			compareGolden(t, name+".stderr", stderr)
		})
	}
}

// compareGolden compares what was printed with a file; where nothing was, there must be none.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if got != "" {
		golden.Compare(t, path, got)
		return
	}
	if golden.Updating() {
		_ = os.Remove(path) // most often there is none
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing was printed, and %s says what should be (%v)", path, err)
	}
}

func TestFailOn(t *testing.T) {
	const warning = `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a, namespace: shop},
      spec: {selector: {matchLabels: {app: b}}, mtls: {mode: STRICT}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}}, spec: {containers: [{name: a}, {name: istio-proxy}]}}
`
	tests := map[string]struct {
		args []string
		want int
	}{
		"warnings do not fail": {want: exitOK},
		"unless they shall":    {args: []string{"--fail-on", "warning"}, want: exitFindings},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := call(t, warning, append([]string{"lint", "-f", "-"}, tc.args...)...)
			if code != tc.want {
				t.Errorf("got exit code %d, want %d:\n%s%s", code, tc.want, stdout, stderr)
			}
			if !strings.Contains(stdout, "0 errors, 1 warning") {
				t.Errorf("got\n%s\nwant one warning", stdout)
			}
		})
	}
}

// TestTenMegabytes lints a large file with one bad document among many good ones.
func TestTenMegabytes(t *testing.T) {
	var text strings.Builder
	for n := 0; text.Len() < 10<<20; n++ {
		text.WriteString("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a" + strings.Repeat("a", n) + "}\ndata:\n  a: " +
			strings.Repeat("a", 1<<20) + "\n")
	}
	text.WriteString("---\nkind: ConfigMap\n")
	_, stderr, code := call(t, text.String(), "lint", "-f", "-")
	if want := "-:62: apiVersion is missing\n"; stderr != want || code != exitFailure {
		t.Errorf("got exit code %d and %.200q, want %d and %q", code, stderr, exitFailure, want)
	}
}

// TestProgram runs the program itself, as kubectl would.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "kubectl-meshtls")
	if built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, built)
	}
	tests := map[string]struct {
		args       []string
		wantCode   int
		wantStdout string
		wantStderr string
	}{
		"findings": {
			args: []string{"lint", "-f", "testdata/in/istio.yaml"}, wantCode: exitFindings,
			wantStdout: "peerauthentication-selector-in-root-namespace",
		},
		"bad input": {
			args: []string{"render", "-f", "testdata/in/bad.yaml"}, wantCode: exitFailure,
			wantStderr: `testdata/in/bad.yaml:11: DestinationRule shop/typo: unknown field "spec.trafficPolicy.tls.snii"`,
		},
		"its version": {args: []string{"version", "--client"}, wantStdout: "kubectl-meshtls "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			command := exec.CommandContext(t.Context(), program, tc.args...)
			command.Stdout, command.Stderr = &stdout, &stderr
			err := command.Run()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := command.ProcessState.ExitCode(); code != tc.wantCode {
				t.Errorf("got exit code %d, want %d", code, tc.wantCode)
			}
			if !strings.Contains(stdout.String(), tc.wantStdout) || !strings.Contains(stderr.String(), tc.wantStderr) {
				t.Errorf("got\n%s\nand\n%s\nwant %q and %q in them", &stdout, &stderr, tc.wantStdout, tc.wantStderr)
			}
		})
	}
}
