package ui

import (
	"net/http"
	"slices"
)

// mostBody bounds what a request may send.
const mostBody = 1 << 20

// policy is what the page may do: load and run the files of this server, talk to it, and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// headers are on every answer.
var headers = map[string]string{
	"Content-Security-Policy":      contentPolicy,
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// guard lets a request through that a browser on this machine makes for the page of this very address. Go's CrossOriginProtection would
// let DNS rebinding through, where the foreign name is both host and origin; so the host comes first.
func guard(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		switch {
		case r.Host != host:
			refuse(w, http.StatusMisdirectedRequest, "This server answers only at http://"+host+".")
		case foreign(r, host):
			refuse(w, http.StatusForbidden, "The request comes from another page.")
		default:
			r.Body = http.MaxBytesReader(w, r.Body, mostBody)
			next.ServeHTTP(w, r)
		}
	})
}

// foreign reports whether another page made the request: browsers say so themselves.
func foreign(r *http.Request, host string) bool {
	origins := r.Header.Values("Origin")
	if slices.ContainsFunc(origins, func(origin string) bool { return origin != "http://"+host }) {
		return true
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}
