package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/internal/source"
)

// BenchmarkRead reads manifests of a namespace's worth of objects, many times over: pods most of all, as a cluster's dump has them.
func BenchmarkRead(b *testing.B) {
	const namespaces = 20
	text := manifests(namespaces)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		reader, err := source.Read(b.Context(), []string{source.Stdin}, source.Options{Stdin: strings.NewReader(text)})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(reader.Len()), "objects")
	}
}

// manifests returns so many namespaces, each with a hundred objects.
func manifests(namespaces int) string {
	var text strings.Builder
	for n := range namespaces {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns-%d, labels: {istio-injection: enabled}}\n", n)
		for app := range 10 {
			fmt.Fprintf(&text, serviceText+ruleText+peerText, app, n, app, app, n, app, n, app, n, app)
			for pod := range 7 {
				fmt.Fprintf(&text, podText, app, pod, n, app)
			}
		}
	}
	return text.String()
}

const serviceText = `---
apiVersion: v1
kind: Service
metadata:
  name: app-%d
  namespace: ns-%d
spec:
  selector: {app: app-%d}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: grpc-metrics, port: 9090, targetPort: metrics}
`

const ruleText = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: app-%d
  namespace: ns-%d
spec:
  host: app-%d.ns-%d.svc.cluster.local
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 100, connectTimeout: 3s}}
    tls: {mode: ISTIO_MUTUAL}
  subsets:
  - {name: v0, labels: {version: v0}}
`

const peerText = `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: app-%d
  namespace: ns-%d
spec:
  selector: {matchLabels: {app: app-%d}}
  mtls: {mode: STRICT}
  portLevelMtls:
    9102: {mode: PERMISSIVE}
`

const podText = `---
apiVersion: v1
kind: Pod
metadata:
  name: app-%d-%d
  namespace: ns-%d
  labels: {app: app-%d}
  annotations: {sidecar.istio.io/status: "{}"}
spec:
  containers:
  - name: app
    image: registry.example/app:1
    ports:
    - {name: http, containerPort: 8080}
    - {name: metrics, containerPort: 9102}
    resources: {requests: {cpu: 100m, memory: 128Mi}}
    readinessProbe: {httpGet: {path: /ready, port: 8080}}
  - name: istio-proxy
    image: registry.example/proxyv2:1
    args: [proxy, sidecar]
status: {phase: Running, podIP: 10.0.0.1}
`
