package rollouts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

// patience is how long a client waits for an answer: long enough for a packet that is lost to be sent again, three times.
const patience = 10 * time.Second

// asked is what became of the requests of a client.
type asked struct {
	mu         sync.Mutex
	all        int
	lost       []string
	lastAnswer time.Time
}

func (a *asked) note(at time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all++
	if err != nil {
		a.lost = append(a.lost, fmt.Sprintf("%s: %v", at.Format(time.TimeOnly), err))
		return
	}
	a.lastAnswer = time.Now()
}

// counts returns how many were asked, and which were lost.
func (a *asked) counts() (all int, lost []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all, a.lost
}

// ended returns when the last answer came, once there are none any more; zero: they come.
func (a *asked) ended() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.lost) == 0 {
		return time.Time{}
	}
	return a.lastAnswer
}

// repeat asks again and again, each time on a new connection, until the returned function is called.
func (w *world) repeat(t *testing.T, every time.Duration, calls ...mesh.Call) (a *asked, stop func()) {
	t.Helper()
	a = &asked{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			for _, c := range calls {
				running.Go(func() { a.note(time.Now(), w.once(context.WithoutCancel(ctx), c)) })
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return a, stop
}

// hold asks again and again on one connection, until it is cut.
func (w *world) hold(t *testing.T, c mesh.Call) *asked {
	t.Helper()
	session, err := w.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a := &asked{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			err := exchange(ctx, session)
			if ctx.Err() != nil {
				return
			}
			a.note(time.Now(), err)
			if err != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = session.Close()
	})
	return a
}

// once asks once, and says why there is no answer.
func (w *world) once(ctx context.Context, c mesh.Call) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	session, err := w.Open(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(exchange(ctx, session), session.Close())
}

// exchange asks once on an open connection.
func exchange(ctx context.Context, session *app.Session) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := session.Exchange(ctx)
	if err == nil && answer.Report.Server == "" {
		err = fmt.Errorf("got %d %s", answer.Status, answer.Body)
	}
	return err
}
