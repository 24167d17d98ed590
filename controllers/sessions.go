package controllers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// sessions are those that are open, by the names of their subjects, and why others are not.
type sessions struct {
	mu sync.RWMutex
	// ended: the operator stops, and what is opened from now on ends at once.
	ended    bool
	open     map[string]*session
	problems map[string]error
}

func newSessions() *sessions {
	return &sessions{open: map[string]*session{}, problems: map[string]error{}}
}

// of returns the subject's session; nil: it is not read.
func (s *sessions) of(subject string) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open[subject]
}

// all returns the open sessions.
func (s *sessions) all() map[string]*session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.open)
}

func (s *sessions) put(subject string, opened *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[subject] = opened
	if s.ended {
		opened.stop()
	}
}

func (s *sessions) close(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[subject].stop()
	delete(s.open, subject)
}

// end closes all sessions, also those that are only just being opened.
func (s *sessions) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, open := range s.open {
		open.stop()
	}
}

// note keeps why the subject cannot be read; nil: it can be, or it is not there.
func (s *sessions) note(subject string, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if problem != nil {
		s.problems[subject] = problem
	} else {
		delete(s.problems, subject)
	}
}

// check says what cannot be read, and why.
func (s *sessions) check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []error
	for _, subject := range slices.Sorted(maps.Keys(s.problems)) {
		all = append(all, fmt.Errorf("%s: %w", subject, s.problems[subject]))
	}
	return errors.Join(all...)
}
