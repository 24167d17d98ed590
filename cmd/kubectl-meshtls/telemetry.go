package main

import (
	_ "embed"
	"io"
	"strings"
)

// telemetry is what makes the metrics of a namespace tell ports apart, and its proxies log calls without mutual TLS.
//
//go:embed telemetry.yaml
var telemetry string

// printTelemetry writes the objects for the namespace. The plugin never applies them: of several Telemetry objects for the same pods Istio
// uses one, so they must fit to those that are there.
func printTelemetry(out io.Writer, objects *input) error {
	namespace, err := objects.scope()
	if err != nil {
		return err
	}
	if namespace == "" {
		namespace = objects.istioNamespace
	}
	_, err = io.WriteString(out, strings.ReplaceAll(telemetry, "NAMESPACE", namespace))
	return err
}
