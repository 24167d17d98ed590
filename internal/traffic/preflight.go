package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Preflight is what the configuration says of a switch to Strict, before any traffic is looked at.
type Preflight struct {
	// Refused are callers that Strict would refuse if they call.
	Refused []Caller `json:"refused,omitempty"`
	// WithoutProxy are the workloads that have no proxy: whether they call nobody knows.
	WithoutProxy []string `json:"withoutProxy,omitempty"`
	// Jobs are the CronJobs that run less than once a day, the rarest first.
	Jobs []Job `json:"jobs,omitempty"`
	// Observe is for how long traffic should be looked at, so that each of the jobs is seen.
	Observe time.Duration `json:"-"`
	// Unreadable are the CronJobs whose schedule cannot be read.
	Unreadable []string `json:"unreadable,omitempty"`
}

// Caller is somebody who calls without mutual TLS, or would.
type Caller struct {
	Who string `json:"who"`
	Why string `json:"why"`
}

// Job is a CronJob by its schedule.
type Job struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Schedule  string `json:"schedule"`
	// Pause is the longest time between two runs, in whole hours.
	Pause string `json:"pause"`
	pause time.Duration
}

const day = 24 * time.Hour

// NewPreflight looks at the workloads, which are of one namespace, and at everybody's CronJobs.
func NewPreflight(v *mesh.View, workloads []*model.Workload, jobs []Job) Preflight {
	p := Preflight{Observe: day}
	servers := slices.DeleteFunc(slices.Clone(workloads), func(w *model.Workload) bool { return !Reports(w) })
	if len(servers) > 0 {
		p.Refused = slices.Concat(outsiders(v, servers), ruled(v, servers))
		p.WithoutProxy = withoutProxy(v, servers[0].Namespace)
	}
	for _, job := range jobs {
		pause, err := LongestPause(job.Schedule)
		switch {
		case err != nil:
			p.Unreadable = append(p.Unreadable, job.Namespace+"/"+job.Name)
		case pause > day:
			job.pause, job.Pause = pause, fmt.Sprintf("%dh", int(pause.Hours()))
			p.Jobs = append(p.Jobs, job)
		}
	}
	slices.Sort(p.Unreadable)
	slices.SortFunc(p.Jobs, func(a, b Job) int {
		return cmp.Or(cmp.Compare(b.pause, a.pause), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	if len(p.Jobs) > 0 {
		// A day more, for a run that is late.
		p.Observe = (p.Jobs[0].pause + 2*day - 1).Truncate(day)
	}
	return p
}

// outsiders are callers that cannot have a proxy: the API server, Prometheus, the kubelet.
func outsiders(v *mesh.View, servers []*model.Workload) []Caller {
	var callers []Caller
	ports := v.ServicePorts(servers...)
	for _, hook := range v.Webhooks() {
		captured := func(p mesh.ServicePort) bool { return calls(hook, p) && !uncaptured(p.Pods, p.Target) }
		if slices.ContainsFunc(ports, captured) {
			callers = append(callers, Caller{Who: "the API server", Why: fmt.Sprintf(
				"%s %s leads to Service %s, port %d, and the API server has no certificate of the mesh.",
				hook.Kind, hook.Configuration, hook.Service, hook.Port)})
		}
	}
	for _, s := range servers {
		if s.Scraped != 0 && !uncaptured([]*model.Workload{s}, s.Scraped) {
			callers = append(callers, Caller{Who: "Prometheus", Why: fmt.Sprintf(
				"Annotations of %s/%s ask it to read port %d over plain HTTP.", s.Namespace, s.Example, s.Scraped)})
		}
	}
	return compact(callers)
}

// ruled are clients with a proxy that something makes send anything but mutual TLS. Of those that no DestinationRule tells apart there
// is one.
func ruled(v *mesh.View, servers []*model.Workload) []Caller {
	var callers []Caller
	for _, client := range v.Clients().All {
		for _, why := range ofClient(v, client, servers) {
			callers = append(callers, Caller{Who: client.Namespace + "/" + nameOf(client), Why: why})
		}
	}
	return compact(callers)
}

// nameOf returns the workload of the first of the pods.
func nameOf(w *model.Workload) string {
	if len(w.Pods) == 0 {
		return w.Example
	}
	return NameOf(w.Pods[0])
}

func compact(callers []Caller) []Caller {
	slices.SortFunc(callers, func(a, b Caller) int { return cmp.Or(strings.Compare(a.Who, b.Who), strings.Compare(a.Why, b.Why)) })
	return slices.Compact(callers)
}
