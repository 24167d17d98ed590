package ui

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Options are what the page is about.
type Options struct {
	Source Source
	// Traffic is nil where nothing looks at traffic.
	Traffic Traffic
	// Applier is nil where nothing may be applied.
	Applier Applier
	// Port is the one that is served; 0: a free one.
	Port int
	// Idle is after how long without a request or an open tab the server ends; 0: never.
	Idle time.Duration
}

// Applier writes policies to a cluster.
type Applier interface {
	// Apply writes the policy, after the API server has said that it would take it. One with a resource version must be unchanged since.
	Apply(ctx context.Context, policy *meshtlsv1alpha1.MeshTLSPolicy) error
}

// Server is the page's.
type Server struct {
	listener net.Listener
	http     *http.Server
	hub      *hub
	session  *session
	applier  Applier
	idle     time.Duration
	// last is when the last request came, in Unix nanoseconds.
	last atomic.Int64
}

// Listen opens the port on the loopback address. Nothing is served before Serve.
func Listen(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
	if err != nil {
		return nil, fmt.Errorf("opening a port for the page: %w", err)
	}
	s := &Server{
		listener: listener, hub: newHub(o.Source, o.Traffic), session: newSession(), applier: o.Applier, idle: o.Idle,
	}
	handler, err := s.handler()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 16}
	return s, nil
}

// Address returns what to open in a browser: once, since the code in it is spent with that.
func (s *Server) Address() string { return "http://" + s.host() + "/#code=" + s.session.code }

func (s *Server) host() string { return s.listener.Addr().String() }

// Serve reads the mesh, and serves the page until the context ends or nobody asks for long.
func (s *Server) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.last.Store(time.Now().UnixNano())
	s.hub.ask()
	go s.hub.run(ctx)
	go s.endWhenIdle(ctx, stop)
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		_ = s.http.Close()
	}()
	err := s.http.Serve(s.listener)
	stop()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// endWhenIdle ends the server once no tab is open and no request came for long.
func (s *Server) endWhenIdle(ctx context.Context, stop func()) {
	if s.idle == 0 {
		return
	}
	every := time.NewTicker(max(s.idle/10, time.Millisecond))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-every.C:
			if s.hub.open() == 0 && now.Sub(time.Unix(0, s.last.Load())) > s.idle {
				stop()
				return
			}
		}
	}
}

// handler returns all that is served.
func (s *Server) handler() (http.Handler, error) {
	files, err := pageFiles()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for path, f := range files {
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, serveFile(f))
	}
	mux.HandleFunc("POST /api/session", s.session.open)
	for route, serve := range map[string]http.HandlerFunc{
		"GET /api/overview": s.overview,
		"GET /api/events":   s.events,
		"GET /api/workload": s.workload,
		"GET /api/matrix":   s.matrix,
		"GET /api/why":      s.why,
		"POST /api/preview": s.preview,
		"POST /api/apply":   s.apply,
	} {
		mux.HandleFunc(route, s.session.required(serve))
	}
	return s.noted(guard(s.host(), mux)), nil
}

// noted notes when a request came.
func (s *Server) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.last.Store(time.Now().UnixNano())
		next.ServeHTTP(w, r)
	})
}
