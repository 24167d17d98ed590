package evidence

import (
	"fmt"
	"io"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// read is a series as a proxy's page has it at one time.
type read struct {
	labels map[string]string
	value  float64
}

// wanted are the metrics that are kept of a page.
var wanted = map[string]bool{
	metricRequests: true, metricOpened: true, metricClosed: true, metricMessages: true, metricBuild: true,
	metricAuditHTTP: true, metricAuditTCP: true, metricNoChain: true,
}

// readPage reads a page in Prometheus' text format, and gives each series the labels of the proxy.
func readPage(page io.Reader, proxy Proxy) ([]read, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(page)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s/%s: %w", proxy.Namespace, proxy.Name, err)
	}
	var all []read
	for name, family := range families {
		if !wanted[name] {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{"__name__": name, "namespace": proxy.Namespace, "pod": proxy.Name, "instance": proxy.IP}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			all = append(all, read{labels: labels, value: valueOf(metric)})
		}
	}
	return all, nil
}

// valueOf returns the value of a counter, or of a gauge; ztunnel's page does not say the type of all.
func valueOf(metric *dto.Metric) float64 {
	switch {
	case metric.Counter != nil:
		return metric.GetCounter().GetValue()
	case metric.Gauge != nil:
		return metric.GetGauge().GetValue()
	default:
		return metric.GetUntyped().GetValue()
	}
}

// key returns what makes two series the same.
func (r read) key() string {
	var key strings.Builder
	for _, name := range sortedKeys(r.labels) {
		key.WriteString(name + "\x00" + r.labels[name] + "\x00")
	}
	return key.String()
}
