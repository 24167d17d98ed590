package mesh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/meshtls/meshtls/test/mesh/kubelet"
)

const (
	// accessLogFile is where proxies write their access logs; the folder is one that they may write to.
	accessLogFile = "/etc/istio/proxy/access.log"
	// noFlags is what Envoy writes where there are no response flags.
	noFlags = "-"
	// logTimeout is how long an entry is waited for. Proxies write them 20 ms after the end of a request, or of a connection.
	logTimeout = 3 * time.Second
)

// accessLogFormat is the JSON object that proxies write for each request and each connection.
var accessLogFormat = encoded(map[string]string{
	"start":           "%START_TIME%",
	"from":            "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
	"peer":            "%DOWNSTREAM_PEER_URI_SAN%",
	"peerSubject":     "%DOWNSTREAM_PEER_SUBJECT%",
	"version":         "%DOWNSTREAM_TLS_VERSION%",
	"cipher":          "%DOWNSTREAM_TLS_CIPHER%",
	"serverName":      "%REQUESTED_SERVER_NAME%",
	"failure":         "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
	"upstreamFrom":    "%UPSTREAM_LOCAL_ADDRESS%",
	"upstreamTo":      "%UPSTREAM_REMOTE_ADDRESS%",
	"upstreamPeer":    "%UPSTREAM_PEER_URI_SAN%",
	"upstreamVersion": "%UPSTREAM_TLS_VERSION%",
	"upstreamCipher":  "%UPSTREAM_TLS_CIPHER%",
	"upstreamFailure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
	"upstreamCluster": "%UPSTREAM_CLUSTER_RAW%",
	"flags":           "%RESPONSE_FLAGS%",
	"details":         "%RESPONSE_CODE_DETAILS%",
})

func encoded(format map[string]string) string {
	text, err := json.Marshal(format)
	if err != nil {
		panic(err) // a map of strings can be encoded
	}
	return string(text)
}

// entry is an entry of an access log. What does not apply is empty.
type entry struct {
	// Start is when the request or the connection began, to the millisecond.
	Start           time.Time `json:"start"`
	From            string    `json:"from"`
	Peer            string    `json:"peer"`
	PeerSubject     string    `json:"peerSubject"`
	Version         string    `json:"version"`
	Cipher          string    `json:"cipher"`
	ServerName      string    `json:"serverName"`
	Failure         string    `json:"failure"`
	UpstreamFrom    string    `json:"upstreamFrom"`
	UpstreamTo      string    `json:"upstreamTo"`
	UpstreamPeer    string    `json:"upstreamPeer"`
	UpstreamVersion string    `json:"upstreamVersion"`
	UpstreamCipher  string    `json:"upstreamCipher"`
	UpstreamFailure string    `json:"upstreamFailure"`
	UpstreamCluster string    `json:"upstreamCluster"`
	Flags           string    `json:"flags"`
	Details         string    `json:"details"`
}

// find returns the youngest entry of a pod's proxy on a connection from an address, or nil if there is none in time. What began
// before a call is not of it: ports are used again.
func find(ctx context.Context, pod *kubelet.Pod, from netip.AddrPort, began time.Time) (*entry, error) {
	if !pod.HasProxy() {
		return nil, nil
	}
	var found *entry
	err := wait.PollUntilContextTimeout(ctx, poll, logTimeout, true, func(context.Context) (bool, error) {
		var err error
		found, err = search(pod.Path(accessLogFile), from.String(), began.Truncate(time.Millisecond))
		return found != nil, err
	})
	if wait.Interrupted(err) {
		return nil, nil
	}
	return found, err
}

// tail is how much of the end of an access log is looked at: what is looked for has just happened.
const tail = 256 << 10

// search looks for the youngest entry on a connection from an address at the end of a log, not older than a time.
func search(path, from string, began time.Time) (*entry, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if end, err := file.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	} else if _, err := file.Seek(max(0, end-tail), io.SeekStart); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var found *entry
	quoted := []byte(strconv.Quote(from))
	for line := range bytes.Lines(content) {
		var e entry
		if !bytes.Contains(line, quoted) {
			continue // decoding all is what most of the time would go into
		}
		if json.Unmarshal(line, &e) == nil && e.From == from && !e.Start.Before(began) { // a line that is cut is not an entry
			found = &e
		}
	}
	return found, nil
}
