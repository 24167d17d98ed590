package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/screens"
)

// Source reads a mesh.
type Source interface {
	// Read reads everything once.
	Read(ctx context.Context) (screens.World, error)
	// Watch calls changed whenever something may be other than it was read, until the context ends.
	Watch(ctx context.Context, changed func())
}

// Traffic tells of the calls of a mesh. What it cannot tell is a Problem, or an observation that is Unknown.
type Traffic interface {
	Edges(ctx context.Context, page *screens.Page) screens.Traffic
	Seen(ctx context.Context, page *screens.Page, name evidence.Workload) (evidence.Observation, error)
}

// hub holds the mesh as it was read last, and tells the open tabs when it changes.
type hub struct {
	source  Source
	traffic Traffic
	// again asks for the mesh to be read, and look for the traffic.
	again chan struct{}

	mu       sync.Mutex
	page     *screens.Page
	seen     screens.Traffic
	overview []byte
	etag     string
	problem  string
	tabs     map[chan struct{}]bool
}

func newHub(source Source, traffic Traffic) *hub {
	return &hub{source: source, traffic: traffic, again: make(chan struct{}, 1), tabs: map[chan struct{}]bool{}}
}

const (
	// settlesIn is how long changes are waited for that come together.
	settlesIn = 500 * time.Millisecond
	// retriesIn is how long a mesh that could not be read is left alone.
	retriesIn = 5 * time.Second
	// looksEvery is how often traffic is looked at while a tab is open.
	looksEvery = 15 * time.Second
)

// run reads the mesh when it changes, and the traffic from time to time, until the context ends.
func (h *hub) run(ctx context.Context) {
	go h.source.Watch(ctx, h.ask)
	look := time.NewTicker(looksEvery)
	defer look.Stop()
	for {
		var retry <-chan time.Time
		if h.failing() {
			retry = time.After(retriesIn)
		}
		select {
		case <-ctx.Done():
			return
		case <-retry:
			h.read(ctx)
		case <-look.C:
			if h.open() > 0 && h.traffic != nil {
				h.look(ctx)
			}
		case <-h.again:
			pause(ctx, settlesIn)
			h.read(ctx)
		}
	}
}

// ask asks for the mesh to be read soon.
func (h *hub) ask() {
	select {
	case h.again <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// read reads the mesh and looks at its traffic. Where that fails the last one stays, with what is wrong.
func (h *hub) read(ctx context.Context) {
	world, err := h.source.Read(ctx)
	if err != nil {
		h.fail(err)
		return
	}
	page := screens.NewPage(world)
	h.mu.Lock()
	h.page, h.problem = page, ""
	h.mu.Unlock()
	h.look(ctx)
}

// fail keeps what is wrong.
func (h *hub) fail(err error) {
	h.mu.Lock()
	changed := h.problem != err.Error()
	h.problem = err.Error()
	h.mu.Unlock()
	if changed {
		h.tell()
	}
}

func (h *hub) failing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.problem != ""
}

// look looks at the traffic, and draws the overview anew.
func (h *hub) look(ctx context.Context) {
	page, seen := h.current()
	if page == nil {
		return
	}
	if h.traffic != nil {
		seen = h.traffic.Edges(ctx, page)
	}
	overview, err := encoded(page.Overview(seen))
	if err != nil {
		h.fail(err)
		return
	}
	h.mu.Lock()
	changed := !bytes.Equal(h.overview, overview)
	h.seen, h.overview, h.etag = seen, overview, etagOf(overview)
	h.mu.Unlock()
	if changed {
		h.tell()
	}
}

// current returns the mesh and its traffic; nil: it was never read.
func (h *hub) current() (*screens.Page, screens.Traffic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.page, h.seen
}

// state returns the overview with its ETag, and what is wrong.
func (h *hub) state() (overview []byte, etag, problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.overview, h.etag, h.problem
}

// join returns a channel that is told of changes, and how to leave.
func (h *hub) join() (told chan struct{}, leave func()) {
	told = make(chan struct{}, 1)
	h.mu.Lock()
	h.tabs[told] = true
	h.mu.Unlock()
	return told, func() {
		h.mu.Lock()
		delete(h.tabs, told)
		h.mu.Unlock()
	}
}

// open returns the number of open tabs.
func (h *hub) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tabs)
}

// tell tells the open tabs that something changed.
func (h *hub) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for told := range h.tabs {
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// encoded returns the JSON of an answer.
func encoded(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return out.Bytes(), err
}
