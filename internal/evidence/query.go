package evidence

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Istio's metrics that are asked for.
const (
	metricRequests = "istio_requests_total"
	metricOpened   = "istio_tcp_connections_opened_total"
	metricClosed   = "istio_tcp_connections_closed_total"
	metricMessages = "istio_request_messages_total"
	metricBuild    = "istio_build"
	// metricAuditHTTP and metricAuditTCP count what a dry-run AuthorizationPolicy would have done.
	metricAuditHTTP = "envoy_http_rbac"
	metricAuditTCP  = "envoy_tcp"
	// metricNoChain counts connections that no filter chain takes, where a sidecar's statistics include it.
	metricNoChain = "envoy_listener_no_filter_chain_match"
)

const (
	// edgeTolerance is how far before a window a series may have its last sample and still be the same one: a gap of the scrapes at
	// the window's edge makes no birth.
	edgeTolerance = 30 * time.Minute
	// reportsWithin is how long ago a proxy must have reported.
	reportsWithin = 5 * time.Minute
	// streamsWithin is how long ago an open stream must have carried a message.
	streamsWithin = 10 * time.Minute
)

// Queries are the PromQL of one target. Matchers are more label matchers for every series, such as cluster="east".
type Queries struct {
	Target   Target
	Matchers string
}

// by are the labels that tell calls apart. A destination_port is there only where a Telemetry adds it.
const by = "source_workload_namespace, source_workload, source_principal, destination_workload_namespace, destination_workload, " +
	"destination_service_name, destination_port, request_protocol"

// Requests counts HTTP and gRPC requests of the window by caller and security.
func (q Queries) Requests(w time.Duration) string { return q.calls(metricRequests, w) }

// Connections counts TCP connections of the window by caller and security.
func (q Queries) Connections(w time.Duration) string { return q.calls(metricOpened, w) }

func (q Queries) calls(metric string, w time.Duration) string {
	return fmt.Sprintf("sum by (%s, connection_security_policy) (%s) > 0", by, Growth(q.selector(metric), w))
}

// Growth returns the PromQL of how much counters grew in the window. What increase() says is not all: a series that is born with a count,
// as that of a client which calls once, does not grow by it, so it counts with its last value; and the step from the sample before the
// window to the first one in it is neither window's. Pods that are gone count as well.
func Growth(selector string, w time.Duration) string {
	length := duration(w)
	last := fmt.Sprintf("last_over_time(%s[%s])", selector, length)
	before := fmt.Sprintf("last_over_time(%s[%s] offset %s)", selector, duration(edgeTolerance), length)
	return fmt.Sprintf("((increase(%s[%s]) > 0) or (%[3]s unless %[4]s) or (%[3]s - %[4]s > 0) or (%[3]s < %[4]s))",
		selector, length, last, before)
}

// Open counts the TCP connections that are open now and not mutual TLS: a pool that was opened before the window and is idle.
func (q Queries) Open() string {
	opened, closed := q.selector(metricOpened, notMutual), q.selector(metricClosed, notMutual)
	return fmt.Sprintf("sum by (%[1]s) (%[2]s) - (sum by (%[1]s) (%[3]s) or 0 * sum by (%[1]s) (%[2]s)) > 0", by, opened, closed)
}

// Streams counts the messages of open streams of clients without an identity. A request is counted when it ends, so a stream that does
// not end shows in its messages alone, and these carry no security.
func (q Queries) Streams() string {
	selector := q.selector(metricMessages, `source_principal="unknown"`)
	return fmt.Sprintf("sum by (%s) (increase(%s[%s])) > 0", by, selector, duration(streamsWithin))
}

// LastSeen and FirstSeen find when the counts of calls that are not mutual TLS grew, as seconds, to within the step of the window.
func (q Queries) LastSeen(w time.Duration) string { return q.seen("max", w) }

// FirstSeen returns the other end of LastSeen.
func (q Queries) FirstSeen(w time.Duration) string { return q.seen("min", w) }

// seen asks each metric apart: their labels are the same but for the protocol. The steps of a subquery end before the window does, so
// its last moments are looked at by themselves.
func (q Queries) seen(which string, w time.Duration) string {
	var all []string
	for _, metric := range []string{metricRequests, metricOpened} {
		grew := fmt.Sprintf("timestamp(%s)", grewAt(q.selector(metric, notMutual), Step(w)))
		over := fmt.Sprintf("%s_over_time(%s[%s:%s])", which, grew, duration(w), duration(Step(w)))
		if which == "max" {
			over = grew + " or " + over
		}
		all = append(all, fmt.Sprintf("%s by (%s) (%s)", which, by, over))
	}
	return strings.Join(all, " or ")
}

// grewAt selects the counters that grew shortly before: they changed, count something else than a while ago, or are new. It may be
// late by two steps, and is never early.
func grewAt(selector string, step time.Duration) string {
	now := fmt.Sprintf("last_over_time(%s[%s])", selector, duration(step))
	before := fmt.Sprintf("last_over_time(%s[%s] offset %s)", selector, duration(edgeTolerance), duration(step))
	return fmt.Sprintf("((changes(%[1]s[%[2]s]) > 0) or (%[3]s != %[4]s) or ((%[3]s unless %[4]s) > 0))",
		selector, duration(2*step), now, before)
}

// Step returns the resolution in which a window is looked at.
func Step(w time.Duration) time.Duration {
	return min(max((w/20).Truncate(time.Second), time.Second), 5*time.Minute)
}

// Audit counts what the audit policy would have refused, and let through, at HTTP ports.
func (q Queries) Audit(w time.Duration) string {
	return fmt.Sprintf("sum by (http_conn_manager_prefix, authz_dry_run_result) (%s)", q.podGrowth(metricAuditHTTP, auditAction, w))
}

// AuditTCP returns the same for all TCP ports together: a proxy keeps one counter for them.
func (q Queries) AuditTCP(w time.Duration) string {
	return fmt.Sprintf("sum by (authz_dry_run_result) (%s)", q.podGrowth(metricAuditTCP, auditAction, w))
}

const auditAction = `authz_dry_run_action="deny"`

// Reporting finds the proxies of the target that report.
func (q Queries) Reporting() string {
	var names, addresses []string
	for _, p := range q.Target.Pods {
		names, addresses = append(names, p.Proxy.Name), append(addresses, p.Proxy.IP)
	}
	var all []string
	for _, matcher := range []string{"pod=~" + anyOf(names), "kubernetes_pod_name=~" + anyOf(names), instanceOf(addresses)} {
		all = append(all, fmt.Sprintf("last_over_time(%s[%s])", q.build(matcher), duration(reportsWithin)))
	}
	return fmt.Sprintf("count by (%s) (%s)", proxyLabels, strings.Join(all, " or "))
}

// proxyLabels are those that a scrape tells proxies apart by.
const proxyLabels = "instance, namespace, pod, kubernetes_namespace, kubernetes_pod_name"

// Since finds when the metrics of the mesh begin, within the window, as seconds.
func (q Queries) Since(w time.Duration) string {
	step := historyStep(w)
	return fmt.Sprintf("min_over_time(timestamp(group(last_over_time(%s[%s])))[%s:%s])",
		q.build(), duration(max(2*step, reportsWithin)), duration(w), duration(step))
}

// historyStep returns the resolution in which the begin of a window is looked for.
func historyStep(w time.Duration) time.Duration {
	return max((w / 50).Truncate(time.Second), time.Second)
}

// Denied counts the connections that ztunnel refused, by caller.
func (q Queries) Denied(w time.Duration) string {
	selector := q.selector(metricClosed, `response_flags="DENY"`, notMutual)
	return fmt.Sprintf("sum by (%s) (%s) > 0", by, Growth(selector, w))
}

// NoChain counts the connections that the sidecars of the target refused, all ports and clients together; no answer: they do not say.
func (q Queries) NoChain(w time.Duration) string {
	return fmt.Sprintf("sum(%s)", q.podGrowth(metricNoChain, `listener_address=~".+_15006"`, w))
}

const notMutual = `connection_security_policy!="mutual_tls"`

// selector selects a series of the target as its own proxy reports it.
func (q Queries) selector(metric string, more ...string) string {
	matchers := append([]string{`reporter="destination"`}, more...)
	if q.Target.Namespace != "" {
		matchers = append(matchers, "destination_workload_namespace="+strconv.Quote(q.Target.Namespace))
	}
	if len(q.Target.Workloads) > 0 {
		matchers = append(matchers, "destination_workload=~"+anyOf(q.Target.Workloads))
	}
	return q.series(metric, matchers)
}

// build selects what each proxy says of itself.
func (q Queries) build(more ...string) string {
	return q.series(metricBuild, append([]string{`component=~"proxy|ztunnel"`}, more...))
}

// podGrowth returns the growth of Envoy's own series of the target's pods, zero among them. The scrape adds the name of the pod by one of
// two labels, as Istio's examples of Prometheus' configuration have it.
func (q Queries) podGrowth(metric, matcher string, w time.Duration) string {
	var names []string
	for _, p := range q.Target.Pods {
		names = append(names, p.Name)
	}
	byPod := q.series(metric, append(q.namespace("namespace"), "pod=~"+anyOf(names), matcher))
	byKubernetesPod := q.series(metric, append(q.namespace("kubernetes_namespace"), "kubernetes_pod_name=~"+anyOf(names), matcher))
	return Growth(byPod, w) + " or " + Growth(byKubernetesPod, w) + " or " + present(byPod, w) + " or " + present(byKubernetesPod, w)
}

// present is zero for counters that are there and do not grow.
func present(selector string, w time.Duration) string {
	return fmt.Sprintf("(0 * last_over_time(%s[%s]))", selector, duration(w))
}

// namespace matches the target's namespace where the label is there.
func (q Queries) namespace(label string) []string {
	if q.Target.Namespace == "" {
		return nil
	}
	return []string{label + "=~" + strconv.Quote(q.Target.Namespace+"|")}
}

func (q Queries) series(metric string, matchers []string) string {
	if q.Matchers != "" {
		matchers = append(matchers, q.Matchers)
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

// anyOf returns the quoted pattern of the names.
func anyOf(names []string) string {
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, regexp.QuoteMeta(name))
	}
	return strconv.Quote(strings.Join(quoted, "|"))
}

// duration is PromQL's spelling.
func duration(d time.Duration) string { return model.Duration(d).String() }

// instanceOf matches the instances at the addresses, whatever their port.
func instanceOf(addresses []string) string {
	quoted := make([]string, 0, len(addresses))
	for _, address := range addresses {
		quoted = append(quoted, regexp.QuoteMeta(address))
	}
	return "instance=~" + strconv.Quote(`\[?(`+strings.Join(quoted, "|")+`)\]?(:[0-9]+)?`)
}
