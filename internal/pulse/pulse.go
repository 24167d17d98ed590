package pulse

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// silentTooLong is more than the ten minutes after which the API server ends a watch.
	silentTooLong = 11 * time.Minute
	// downTooLong is more than a client needs to list and watch again.
	downTooLong = time.Minute
)

// Pulse is what is known of the watches of a process.
type Pulse struct {
	now func() time.Time

	mu      sync.Mutex
	watches map[string]*watch
}

// watch is what is known of the requests for one list of objects.
type watch struct {
	// open is how many are.
	open int
	// last is when the latest was answered, had a word, or ended.
	last time.Time
	// trouble is why the latest could not be had; nil: it could.
	trouble error
}

// New knows of no watch yet.
func New() *Pulse {
	return &Pulse{now: time.Now, watches: map[string]*watch{}}
}

// Wrap looks at the watches that go through the transport.
func (p *Pulse) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.URL.Query().Get("watch") == "" {
			return next.RoundTrip(request)
		}
		name := nameOf(request.URL)
		response, err := next.RoundTrip(request)
		switch {
		case request.Context().Err() != nil:
			return response, err // whoever asked does not want it any more
		case err != nil:
			p.failed(name, err)
		case response.StatusCode != http.StatusOK:
			p.failed(name, errors.New(response.Status))
		default:
			p.opened(name)
			response.Body = &body{ReadCloser: response.Body, heard: func() { p.heard(name) }, ended: sync.OnceFunc(func() {
				p.ended(name, request.Context().Err() != nil)
			})}
		}
		return response, err
	})
}

// nameOf returns the list of objects that a watch is of: its path, and what it selects.
func nameOf(of *url.URL) string {
	name := of.Path
	for _, selector := range []string{"fieldSelector", "labelSelector"} {
		if value := of.Query().Get(selector); value != "" {
			name += " " + value
		}
	}
	return name
}

// Check says which watches tell nothing any more.
func (p *Pulse) Check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var stale []error
	for _, name := range slices.Sorted(maps.Keys(p.watches)) {
		w := p.watches[name]
		age := p.now().Sub(w.last)
		switch {
		case w.open > 0 && age > silentTooLong:
			stale = append(stale, fmt.Errorf("the watch of %s was last heard of %s ago", name, age.Round(time.Second)))
		case w.open == 0 && age > downTooLong:
			stale = append(stale, fmt.Errorf("there was no watch of %s for %s: %w", name, age.Round(time.Second), w.reason()))
		}
	}
	return errors.Join(stale...)
}

var errNotAsked = errors.New("its objects could not be listed")

func (w *watch) reason() error {
	if w.trouble != nil {
		return w.trouble
	}
	return errNotAsked
}

// of returns the watch of the name.
func (p *Pulse) of(name string) *watch {
	w, known := p.watches[name]
	if !known {
		w = &watch{last: p.now()}
		p.watches[name] = w
	}
	return w
}

func (p *Pulse) opened(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(name)
	w.open++
	w.last, w.trouble = p.now(), nil
}

func (p *Pulse) failed(name string, trouble error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(name).trouble = trouble
}

func (p *Pulse) heard(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(name).last = p.now()
}

// ended notes an end. A watch that nobody wants any more, since its kind is gone, is forgotten.
func (p *Pulse) ended(name string, unwanted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.of(name)
	w.open--
	if w.open > 0 {
		return
	}
	w.last = p.now()
	if unwanted {
		delete(p.watches, name)
	}
}

// roundTripper is a function that does what an http.RoundTripper does.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends the request.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// body is the stream of a watch.
type body struct {
	io.ReadCloser
	heard, ended func()
}

// Read notes that there was something to read.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if n > 0 {
		b.heard()
	}
	if err != nil {
		b.ended()
	}
	return n, err
}

// Close notes the end.
func (b *body) Close() error {
	defer b.ended()
	return b.ReadCloser.Close()
}
