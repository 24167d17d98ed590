package evidence

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/sets"
)

// covered returns the part of the window for which there are metrics of the mesh; zero: there are none.
func (a *asking) covered(q Queries, w Window) Window {
	answer := a.vector(q.Since(w.Length()))
	if len(answer) == 0 {
		return Window{}
	}
	begin := time.UnixMilli(int64(answer[0].Value * 1000)).UTC()
	if begin.Sub(w.From) <= 2*historyStep(w.Length()) {
		return w
	}
	return Window{From: begin, To: w.To}
}

// retention doubts a window that is longer than Prometheus keeps series for. Not every server that speaks its API says how long.
func (a *asking) retention(needed time.Duration) (doubt string) {
	if a.err != nil {
		return ""
	}
	told, err := a.api.Runtimeinfo(a.ctx)
	if err != nil {
		return ""
	}
	kept, known := retentionOf(told.StorageRetention)
	if !known || kept >= needed {
		return ""
	}
	return fmt.Sprintf("Prometheus keeps series for %s, and %s are asked for: keep them longer, or ask for less.",
		model.Duration(kept), model.Duration(needed))
}

// retentionOf reads Prometheus' own words: 15d, 15d or 10GiB, 10GiB.
func retentionOf(words string) (time.Duration, bool) {
	for _, word := range strings.Split(words, " or ") {
		if kept, err := model.ParseDuration(strings.TrimSpace(word)); err == nil && kept > 0 {
			return time.Duration(kept), true
		}
	}
	return 0, false
}

// reporting counts the pods of the target whose proxy reports.
func (a *asking) reporting(q Queries) int {
	if len(q.Target.Pods) == 0 {
		return 0
	}
	names, addresses := sets.New[string](), sets.New[string]()
	for _, sample := range a.vector(q.Reporting()) {
		label := labelsOf(sample)
		addresses.Insert(addressOf(label("instance")))
		names.Insert(label("namespace")+"/"+label("pod"), label("kubernetes_namespace")+"/"+label("kubernetes_pod_name"))
	}
	reporting := 0
	for _, pod := range q.Target.Pods {
		if names.HasAny(pod.Proxy.Namespace+"/"+pod.Proxy.Name, "/"+pod.Proxy.Name) || addresses.Has(pod.Proxy.IP) || a.young(pod) {
			reporting++
		}
	}
	return reporting
}

// young pods need not have been scraped yet.
func (a *asking) young(pod Pod) bool {
	return !pod.Since.IsZero() && a.at.Sub(pod.Since) < reportsWithin
}

// addressOf returns the address of an instance.
func addressOf(instance string) string {
	if host, _, err := net.SplitHostPort(instance); err == nil {
		return host
	}
	return strings.Trim(instance, "[]")
}

// audit returns what the audit policy counted.
func (a *asking) audit(q Queries, w time.Duration) []PortCount {
	if !q.Target.Audited || len(q.Target.Pods) == 0 {
		return nil
	}
	ports := map[int32]*PortCount{}
	for _, query := range []string{q.Audit(w), q.AuditTCP(w)} {
		for _, sample := range a.vector(query) {
			label := labelsOf(sample)
			addAudit(ports, listenerPort(label("http_conn_manager_prefix")), label("authz_dry_run_result"), int64(sample.Value+0.5))
		}
	}
	return auditOf(ports)
}

// listenerPort reads the port of Envoy's name for an inbound listener, such as inbound_0.0.0.0_8080; zero: it names none.
func listenerPort(prefix string) int32 {
	at := strings.LastIndex(strings.TrimSuffix(prefix, ";"), "_")
	if at < 0 {
		return 0
	}
	port, err := strconv.ParseUint(strings.TrimSuffix(prefix, ";")[at+1:], 10, 16)
	if err != nil {
		return 0
	}
	return int32(port)
}
