package policies

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meshtls/meshtls/test/mesh"
	"github.com/meshtls/meshtls/test/mesh/app"
)

const (
	// rate is how many requests a client makes in a second.
	rate = 50
	// patience is how long a client waits for an answer: long enough for a packet that is lost to be sent again, three times.
	patience = 10 * time.Second
)

// load are clients that ask all the time.
type load struct {
	cancel  context.CancelFunc
	clients sync.WaitGroup

	mu     sync.Mutex
	counts map[string]*count
}

// count is what became of the requests of a client.
type count struct {
	asked int
	lost  []loss
}

// loss is a request without an answer.
type loss struct {
	at  time.Time
	why string
}

// start starts clients, one for each call.
func (w *world) startLoad(ctx context.Context, calls map[string]mesh.Call) *load {
	l := &load{counts: map[string]*count{}}
	ctx, l.cancel = context.WithCancel(ctx)
	for name, c := range calls {
		c.Timeout = patience
		l.counts[name] = &count{}
		l.clients.Go(func() { l.ask(ctx, w, name, c) })
	}
	return l
}

// ask makes requests at the rate, each on a connection of its own and none waiting for another.
func (l *load) ask(ctx context.Context, w *world, name string, c mesh.Call) {
	ticks := time.NewTicker(time.Second / rate)
	defer ticks.Stop()
	var pending sync.WaitGroup
	defer pending.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-ticks.C:
			pending.Go(func() { l.note(name, at, once(context.WithoutCancel(ctx), w, c)) })
		}
	}
}

// once asks once, and says why there is no answer.
func once(ctx context.Context, w *world, c mesh.Call) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	session, err := w.Open(ctx, c)
	if err != nil {
		return err
	}
	answer, err := session.Exchange(ctx)
	if err == nil && answer.Report.Server == "" {
		err = fmt.Errorf("%d %s", answer.Status, answer.Body)
	}
	return errors.Join(err, session.Close())
}

// note counts a request.
func (l *load) note(name string, at time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[name].asked++
	if err != nil {
		l.counts[name].lost = append(l.counts[name].lost, loss{at, err.Error()})
	}
}

// stop ends the clients, and returns what became of their requests.
func (l *load) stop() map[string]*count {
	l.cancel()
	l.clients.Wait()
	return l.counts
}

// meshClients are clients of every kind that may call the server whatever it accepts: with a sidecar, from its namespace and from
// another, over HTTP, gRPC and TCP.
func (w *world) meshClients() map[string]mesh.Call {
	return map[string]mesh.Call{
		"HTTP":                        {From: w.pods["client"], Host: serverHost, Port: 80},
		"gRPC":                        {From: w.pods["sibling"], Host: serverHost, Port: 80, Protocol: app.GRPC},
		"TCP":                         {From: w.pods["client"], Host: serverHost, Port: 90, Protocol: app.TCP},
		"HTTP from another namespace": {From: w.pods["neighbour"], Host: serverHost, Port: 80},
	}
}
