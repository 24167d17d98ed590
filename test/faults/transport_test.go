package faults

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// errDown is what a request meets when there is nobody to answer.
var errDown = errors.New("connection refused")

// transport stands between an operator and the API server, and makes faults.
type transport struct {
	// before is asked before a request is sent: whether to answer it with a status, or an error, instead.
	before func(*http.Request) (status int, err error)
	// after is asked when it was answered, in the answer's place.
	after func(*http.Request) error
	// body may put another stream in the place of a watch's.
	body func(*http.Request, io.ReadCloser) io.ReadCloser
	// clock is the operator's; nil: the machine's.
	clock func() time.Time
	// writes counts those that reached the API server.
	writes atomic.Int64
}

// stand puts the transport before another.
func (f *transport) stand(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if f.before != nil {
			if status, err := f.before(request); err != nil {
				return nil, err
			} else if status != 0 {
				return answer(request, status), nil
			}
		}
		if isWrite(request) {
			f.writes.Add(1)
		}
		response, err := next.RoundTrip(request)
		if f.after != nil && err == nil {
			if lost := f.after(request); lost != nil {
				_ = response.Body.Close()
				return nil, lost
			}
		}
		if err == nil && f.body != nil && isWatch(request) {
			response.Body = f.body(request, response.Body)
		}
		return response, err
	})
}

// roundTripper is a function that does what an http.RoundTripper does.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends the request.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func isWatch(request *http.Request) bool { return request.URL.Query().Get("watch") != "" }

// isWrite reports whether the request changes something that the operator answers for. Events are told beside.
func isWrite(request *http.Request) bool {
	return request.Method != http.MethodGet && !strings.HasSuffix(request.URL.Path, "/events")
}

func answer(request *http.Request, status int) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: request, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader("")),
	}
}

// crash returns the death of an operator at one of its writes: that write arrives or not, and nothing comes after it.
func crash(at int64, arrives bool, die func()) *transport {
	var seen atomic.Int64
	var dead atomic.Bool
	f := &transport{}
	f.before = func(request *http.Request) (int, error) {
		if dead.Load() {
			return 0, errDown
		}
		if isWrite(request) && seen.Add(1) >= at && !arrives {
			if dead.CompareAndSwap(false, true) {
				go die()
			}
			return 0, errDown
		}
		return 0, nil
	}
	f.after = func(request *http.Request) error {
		if arrives && isWrite(request) && seen.Load() >= at {
			if dead.CompareAndSwap(false, true) {
				go die()
			}
			return errDown
		}
		return nil
	}
	return f
}

// dice are random numbers that many may ask for.
type dice struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{random: rand.New(rand.NewPCG(seed, 2))} //nolint:gosec // a test's seed
}

// below returns a number below the limit.
func (d *dice) below(limit int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(limit)
}

// failing answers 30 % of the requests with one of the codes, and loses the answer to one write in ten, until there were enough faults in
// reads and in writes.
func failing(seed uint64, codes []int, enough int64) *transport {
	d := newDice(seed)
	var reads, writes atomic.Int64
	hit := func(request *http.Request, percent int) bool {
		made := &reads
		if isWrite(request) {
			made = &writes
		}
		return made.Load() < enough && d.below(100) < percent && made.Add(1) <= enough
	}
	return &transport{
		before: func(request *http.Request) (int, error) {
			if hit(request, 30) {
				return codes[d.below(len(codes))], nil
			}
			return 0, nil
		},
		after: func(request *http.Request) error {
			if isWrite(request) && hit(request, 10) {
				return errDown // it was done, and nobody is told
			}
			return nil
		},
	}
}

// outage returns an API server that is away for a while, from a write on.
func outage(at int64, lasts time.Duration) *transport {
	var seen atomic.Int64
	var over atomic.Pointer[time.Time]
	down := func() bool {
		end := over.Load()
		return end != nil && time.Now().Before(*end)
	}
	return &transport{
		before: func(request *http.Request) (int, error) {
			if isWrite(request) && seen.Add(1) == at {
				end := time.Now().Add(lasts)
				over.Store(&end)
			}
			if down() {
				return 0, errDown
			}
			return 0, nil
		},
		body: func(_ *http.Request, from io.ReadCloser) io.ReadCloser {
			return &stream{ReadCloser: from, wait: func() error {
				if down() {
					return errDown
				}
				return nil
			}}
		},
	}
}

// cutting breaks watches off after some events each, until there were enough cuts. Every third is followed by the news that what the
// watch would go on from is no longer known.
func cutting(seed uint64, enough int64) *transport {
	d := newDice(seed)
	var cuts, gone atomic.Int64
	return &transport{
		before: func(request *http.Request) (int, error) {
			if isWatch(request) && gone.Load() > 0 && gone.Add(-1) >= 0 {
				return http.StatusGone, nil
			}
			return 0, nil
		},
		body: func(_ *http.Request, from io.ReadCloser) io.ReadCloser {
			left := d.below(3)
			return &stream{ReadCloser: from, wait: func() error {
				if left--; left >= 0 || cuts.Add(1) > enough {
					return nil
				}
				if d.below(3) == 0 {
					gone.Add(1)
				}
				return io.ErrUnexpectedEOF
			}}
		},
	}
}

// gate is shut for a while.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
}

// shut returns what opens the gate again.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
	return sync.OnceFunc(func() { close(g.open) })
}

// pass waits until the gate is open, or the context ends.
func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open == nil {
		return
	}
	select {
	case <-open:
	case <-ctx.Done():
	}
}

// holding keeps back what the watches of some lists tell while the gate is shut.
func holding(about func(*http.Request) bool, g *gate) *transport {
	return &transport{body: func(request *http.Request, from io.ReadCloser) io.ReadCloser {
		if !about(request) {
			return from
		}
		return &stream{ReadCloser: from, hold: func() { g.pass(request.Context()) }}
	}}
}

// stream is a watch that can be held or cut.
type stream struct {
	io.ReadCloser
	// wait is asked before each read, and hold after it.
	wait func() error
	hold func()
}

// Read reads what comes, unless the stream is held or cut.
func (s *stream) Read(into []byte) (int, error) {
	if s.wait != nil {
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
	n, err := s.ReadCloser.Read(into)
	if s.hold != nil {
		s.hold()
	}
	return n, err
}
