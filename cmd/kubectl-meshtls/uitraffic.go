package main

import (
	"context"
	"fmt"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/internal/traffic"
)

// trafficSource tells the page of the calls of the mesh.
type trafficSource struct {
	asked   asked
	flags   uiFlags
	objects *input
}

// window returns the one that is asked about now. A recording ends when it ends.
func (t *trafficSource) window() evidence.Window {
	if t.flags.recording != "" {
		return t.asked.window
	}
	length := t.asked.window.Length()
	return evidence.Last(length, time.Now())
}

// name is where the traffic is seen.
func (t *trafficSource) name() string {
	switch {
	case t.flags.recording != "":
		return "the recording " + t.flags.recording
	case t.flags.scrape:
		return "the proxies' own metrics"
	case t.flags.portForward != "":
		return "Prometheus, by way of the API server"
	default:
		return "Prometheus at " + t.flags.settings.URL
	}
}

// Edges tells who called whom in the whole mesh.
func (t *trafficSource) Edges(ctx context.Context, page *screens.Page) screens.Traffic {
	seen := screens.Traffic{Source: t.name(), Window: t.window()}
	if scraper, reads := t.asked.Source.(*evidence.Scraper); reads {
		target := traffic.TargetOf(page.View(), page.View().Workloads(), page.Pods)
		target.Namespace, target.Workloads = "", nil
		scraper.Refusable(ctx, target, seen.Window)
	}
	edges, err := t.asked.Edges(ctx, evidence.Scope{}, seen.Window)
	if err != nil {
		seen.Problem = fmt.Sprintf("Traffic is not known: %v.", err)
	}
	seen.Edges = edges
	return seen
}

// Seen tells what the calls of a workload are.
func (t *trafficSource) Seen(ctx context.Context, page *screens.Page, name evidence.Workload) (evidence.Observation, error) {
	target, err := page.Target(name)
	if err != nil {
		return evidence.Observation{}, err
	}
	return t.asked.Refusable(ctx, target, t.window()), nil
}
