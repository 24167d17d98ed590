package ui

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// session gives out one token, for a code that is used once. Whoever has the token may ask what the user may.
type session struct {
	mu    sync.Mutex
	code  string
	token string
}

func newSession() *session { return &session{code: rand.Text(), token: rand.Text()} }

// exchange returns the token for the code, which is spent with that.
func (s *session) exchange(code string) (token string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == "" || !equal(code, s.code) {
		return "", false
	}
	s.code = ""
	return s.token, true
}

// opens reports whether the request shows the token.
func (s *session) opens(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer && equal(token, s.token)
}

// equal compares secrets in a time that does not tell where they differ.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// required lets a request through that shows the token.
func (s *session) required(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.opens(r) {
			refuse(w, http.StatusUnauthorized, "This tab has no session. Run kubectl meshtls ui again, and open the address that it prints.")
			return
		}
		next(w, r)
	}
}

// open answers the page's first request.
func (s *session) open(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Code string `json:"code"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "The request is not the JSON that was expected.")
		return
	}
	token, ok := s.exchange(asked.Code)
	if !ok {
		refuse(w, http.StatusUnauthorized,
			"The address was opened before, or is not of this run. Run kubectl meshtls ui again, and open the address that it prints.")
		return
	}
	answer(w, map[string]string{"token": token})
}
