//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The mesh that is linted: so many Services, each with a Deployment and a DestinationRule, and policies, in namespaces.
const (
	benchServices   = 2000
	benchPolicies   = 500
	benchNamespaces = 50
)

// BenchmarkLint lints the manifests of a large mesh with the program itself. Beside the time it tells the most memory that the process
// held.
func BenchmarkLint(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "kubectl-meshtls")
	if built, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("building the program: %v\n%s", err, built)
	}
	input := filepath.Join(dir, "mesh.yaml")
	if err := os.WriteFile(input, []byte(largeMesh()), 0o600); err != nil {
		b.Fatal(err)
	}
	var most int64
	for b.Loop() {
		command := exec.CommandContext(b.Context(), program, "lint", "-f", input, "-o", "json")
		output, err := command.Output()
		if code := command.ProcessState.ExitCode(); code == exitFailure || code < 0 {
			b.Fatalf("exit code %d, %v\n%s", code, err, output)
		}
		if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
			most = max(most, usage.Maxrss)
		}
	}
	b.ReportMetric(float64(most)/1024, "MiB-max")
}

// largeMesh is that of the benchmark: each policy is for the Service of its number, every fourth of the Services.
func largeMesh() string {
	var mesh strings.Builder
	for n := range benchNamespaces {
		fmt.Fprintf(&mesh, "---\n{apiVersion: v1, kind: Namespace, metadata: {name: ns-%d, labels: {istio-injection: enabled}}}\n", n)
	}
	for n := range benchServices {
		namespace, app := fmt.Sprintf("ns-%d", n%benchNamespaces), fmt.Sprintf("app-%d", n)
		fmt.Fprintf(&mesh, `---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  selector: {app: %[2]s}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 9090}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  template:
    metadata: {labels: {app: %[2]s}}
    spec: {containers: [{name: app, ports: [{containerPort: 8080}, {containerPort: 9090}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  host: %[2]s.%[1]s.svc.cluster.local
  trafficPolicy: {connectionPool: {tcp: {maxConnections: 10}}, tls: {mode: ISTIO_MUTUAL}}
`, namespace, app)
	}
	for n := range benchPolicies {
		of := n * (benchServices / benchPolicies)
		fmt.Fprintf(&mesh, `---
apiVersion: security.meshtls.dev/v1alpha1
kind: MeshTLSPolicy
metadata: {name: app-%[2]d, namespace: ns-%[1]d}
spec:
  workload: {service: app-%[2]d}
  accept: {mode: Strict, ports: [{servicePort: metrics, mode: Permissive}]}
  send: [{hosts: [app-%[3]d.ns-%[4]d.svc.cluster.local], mode: IstioMutual}]
`, of%benchNamespaces, of, (of+1)%benchServices, (of+1)%benchServices%benchNamespaces)
	}
	return mesh.String()
}
