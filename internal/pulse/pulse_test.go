package pulse

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const pods = "https://server/api/v1/pods?watch=true&resourceVersion=7&fieldSelector=a%3Db"

// world is a network whose next answer is set, and a clock that stands still.
type world struct {
	*Pulse
	t      *testing.T
	clock  time.Time
	answer func() (*http.Response, error)
	cancel context.CancelFunc
}

func newWorld(t *testing.T) *world {
	w := &world{Pulse: New(), t: t, clock: time.Unix(0, 0)}
	w.now = func() time.Time { return w.clock }
	w.answers(http.StatusOK)
	return w
}

func (w *world) answers(status int) {
	w.answer = func() (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader("{}"))}, nil
	}
}

// ask sends a request and returns the stream of its answer.
func (w *world) ask(address string) io.ReadCloser {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.cancel = cancel
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	through := w.Wrap(roundTripper(func(*http.Request) (*http.Response, error) { return w.answer() }))
	response, err := through.RoundTrip(request)
	if err != nil {
		return http.NoBody
	}
	return response.Body
}

func (w *world) end(stream io.ReadCloser) {
	w.t.Helper()
	if err := stream.Close(); err != nil {
		w.t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		does func(*world)
		want string
	}{
		"no watch": {does: func(*world) {}},
		"a list is none": {does: func(w *world) {
			w.answers(http.StatusForbidden)
			w.ask("https://server/api/v1/pods")
			w.clock = w.clock.Add(time.Hour)
		}},
		"an open watch may be silent until it ends": {does: func(w *world) { w.ask(pods); w.clock = w.clock.Add(silentTooLong) }},
		"one that is silent for longer is stale": {
			does: func(w *world) { w.ask(pods); w.clock = w.clock.Add(silentTooLong + time.Second) },
			want: "the watch of /api/v1/pods a=b was last heard of 11m1s ago",
		},
		"a word makes it young": {does: func(w *world) {
			stream := w.ask(pods)
			w.clock = w.clock.Add(silentTooLong)
			_, _ = stream.Read(make([]byte, 1))
			w.clock = w.clock.Add(silentTooLong)
		}},
		"one that ended is asked for again": {does: func(w *world) { w.end(w.ask(pods)); w.clock = w.clock.Add(downTooLong) }},
		"one that ended and is not": {
			does: func(w *world) { w.end(w.ask(pods)); w.clock = w.clock.Add(downTooLong + time.Second) },
			want: "there was no watch of /api/v1/pods a=b for 1m1s: its objects could not be listed",
		},
		"one that is refused": {
			does: func(w *world) {
				w.answers(http.StatusForbidden)
				w.ask(pods)
				w.clock = w.clock.Add(time.Hour)
				w.ask(pods)
			},
			want: "there was no watch of /api/v1/pods a=b for 1h0m0s: Forbidden",
		},
		"one that cannot be asked for": {
			does: func(w *world) {
				w.answer = func() (*http.Response, error) { return nil, errors.New("no route") }
				w.ask(pods)
				w.clock = w.clock.Add(time.Hour)
			},
			want: "there was no watch of /api/v1/pods a=b for 1h0m0s: no route",
		},
		"one that was refused and is had": {does: func(w *world) {
			w.answers(http.StatusForbidden)
			w.ask(pods)
			w.clock = w.clock.Add(time.Hour)
			w.answers(http.StatusOK)
			w.ask(pods)
		}},
		"a stream that breaks off ends once": {
			does: func(w *world) {
				stream := w.ask(pods)
				_, _ = io.ReadAll(stream)
				w.end(stream)
				w.ask(pods)
				w.clock = w.clock.Add(downTooLong + time.Second)
			},
		},
		"one that nobody wants any more is forgotten": {does: func(w *world) {
			stream := w.ask(pods)
			w.cancel()
			w.end(stream)
			w.clock = w.clock.Add(time.Hour)
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.does(w)
			got := ""
			if err := w.Check(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
