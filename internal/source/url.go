package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// fetchesFor is how long a manifest of a URL may take, and mostFetched how large it may be.
const (
	fetchesFor  = 30 * time.Second
	mostFetched = 64 << 20
)

var errTooLarge = fmt.Errorf("is larger than %d MiB", mostFetched>>20)

// isURL reports whether the path is one of a web server.
func isURL(path string) bool {
	return strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://")
}

// fetch returns what the web server answers.
func fetch(ctx context.Context, url string) (content []byte, err error) {
	ctx, done := context.WithTimeout(ctx, fetchesFor)
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", answer.Status)
	}
	content, err = io.ReadAll(io.LimitReader(answer.Body, mostFetched+1))
	if len(content) > mostFetched {
		return nil, errTooLarge
	}
	return content, err
}

// isFile reports whether there is a file of that path that is no directory.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func contentOfSource(file string) ([]byte, error) {
	return os.ReadFile(file) // #nosec G304 -- it is below a directory that the user names
}
