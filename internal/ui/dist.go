package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

// dist is what make ui builds from the sources in ui/.
//
//go:embed dist
var dist embed.FS

// file is a file of the page.
type file struct {
	content     []byte
	contentType string
	etag        string
}

// pageFiles returns the files of the page, by the path that they are served at.
func pageFiles() (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		files["/"+name[len("dist/"):]] = file{
			content: content, contentType: mime.TypeByExtension(path.Ext(name)), etag: etagOf(content),
		}
		return nil
	})
	files["/"] = files["/index.html"]
	return files, err
}

// etagOf returns a strong ETag of the content.
func etagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// serveFile answers with a file of the page. Deep links are in the fragment, so no other path is one.
func serveFile(f file) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", f.contentType)
		writeTagged(w, r, f.content, f.etag)
	}
}

// writeTagged answers with the content, or that the browser has it.
func writeTagged(w http.ResponseWriter, r *http.Request, content []byte, etag string) {
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "no-cache")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(content)
}
