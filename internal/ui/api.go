package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/meshtls/meshtls/internal/evidence"
	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/screens"
)

// refuse answers with what is wrong, as a full sentence.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	content, _ := encoded(map[string]string{"error": why})
	_, _ = w.Write(content)
}

// answer answers with JSON.
func answer(w http.ResponseWriter, value any) {
	content, err := encoded(value)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(content)
}

// overview answers with the lists and the map.
func (s *Server) overview(w http.ResponseWriter, r *http.Request) {
	overview, etag, problem := s.hub.state()
	if overview == nil {
		if problem == "" {
			refuse(w, http.StatusServiceUnavailable, "The mesh is being read.")
			return
		}
		refuse(w, http.StatusBadGateway, problem)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	writeTagged(w, r, overview, etag)
}

// event is what an open tab is told: that there is another overview, or what is wrong.
type event struct {
	ETag    string `json:"etag,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// beatsEvery is how often an open tab hears that the server is there.
const beatsEvery = 20 * time.Second

// events tells an open tab of changes, as server-sent events, until it goes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	told, leave := s.hub.join()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	beat := time.NewTicker(beatsEvery)
	defer beat.Stop()
	for {
		_, etag, problem := s.hub.state()
		content, err := encoded(event{ETag: etag, Problem: problem})
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n", content); err != nil || stream.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-told:
		case <-beat.C:
		}
	}
}

// current returns the mesh; where it was never read the request is answered.
func (s *Server) current(w http.ResponseWriter) (*screens.Page, screens.Traffic, bool) {
	page, seen := s.hub.current()
	if page == nil {
		refuse(w, http.StatusServiceUnavailable, "The mesh is being read.")
	}
	return page, seen, page != nil
}

// workload answers with the page of a workload.
func (s *Server) workload(w http.ResponseWriter, r *http.Request) {
	page, _, known := s.current(w)
	if !known {
		return
	}
	name := evidence.Workload{Namespace: r.URL.Query().Get("namespace"), Name: r.URL.Query().Get("name")}
	seen, err := s.seen(r, page, name)
	if err != nil {
		refuseFor(w, err)
		return
	}
	detail, err := page.Detail(name, seen)
	if err != nil {
		refuseFor(w, err)
		return
	}
	answer(w, detail)
}

// seen returns what traffic tells of the workload; nil: nothing looks at it.
func (s *Server) seen(r *http.Request, page *screens.Page, name evidence.Workload) (*evidence.Observation, error) {
	if s.hub.traffic == nil {
		return nil, nil
	}
	seen, err := s.hub.traffic.Seen(r.Context(), page, name)
	if err != nil {
		return nil, err
	}
	return &seen, nil
}

// refuseFor answers with the error.
func refuseFor(w http.ResponseWriter, err error) {
	if missing := (*screens.NoWorkloadError)(nil); errors.As(err, &missing) {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	refuse(w, http.StatusUnprocessableEntity, err.Error())
}

// matrix answers with the clients and servers of a namespace.
func (s *Server) matrix(w http.ResponseWriter, r *http.Request) {
	page, seen, known := s.current(w)
	if known {
		answer(w, page.Matrix(r.URL.Query().Get("namespace"), seen))
	}
}

// why answers a question about the connections of a workload.
func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	page, _, known := s.current(w)
	if !known {
		return
	}
	explained, err := page.Why(explain.Question{Target: r.URL.Query().Get("target"), To: r.URL.Query().Get("to")})
	if err != nil {
		refuseFor(w, err)
		return
	}
	answer(w, explained)
}

// asked reads the change that a request asks for; where it is none the request is answered.
func asked(w http.ResponseWriter, r *http.Request) (screens.Change, bool) {
	var change screens.Change
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&change); err != nil || !change.Valid() {
		refuse(w, http.StatusBadRequest, "The request is not a change of what a workload accepts.")
		return screens.Change{}, false
	}
	return change, true
}

// preview answers with what a change comes to.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) {
	change, is := asked(w, r)
	if !is {
		return
	}
	preview, err := s.previewed(w, r, change)
	if err == nil {
		answer(w, preview)
	}
}

// errAnswered says that the request was answered.
var errAnswered = errors.New("the request was answered")

// previewed returns what the change comes to; with an error the request is answered.
func (s *Server) previewed(w http.ResponseWriter, r *http.Request, change screens.Change) (screens.Preview, error) {
	page, _, known := s.current(w)
	if !known {
		return screens.Preview{}, errAnswered
	}
	seen, err := s.seen(r, page, change.Of())
	if err != nil {
		refuseFor(w, err)
		return screens.Preview{}, err
	}
	preview, err := page.Preview(change, seen)
	if err != nil {
		refuseFor(w, err)
	}
	return preview, err
}
