package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"

	"github.com/meshtls/meshtls/internal/evidence"
)

// defaultSince is how far evidence looks back.
const defaultSince = "24h"

// sourceFlags say where evidence comes from.
type sourceFlags struct {
	since       string
	settings    evidence.Settings
	portForward string
	recording   string
}

// addFlags gives a command the flags of sources.
func (f *sourceFlags) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.since, "since", defaultSince, "How far to look back, such as 24h or 7d.")
	flags.StringVar(&f.settings.URL, "prometheus", "", "The address of the Prometheus that has Istio's metrics.")
	flags.StringVar(&f.settings.CAFile, "prometheus-ca-file", "",
		"Certificate authorities, in PEM, for an https address. Default: the system's.")
	flags.StringVar(&f.settings.TokenFile, "prometheus-token-file", "", "A file with the bearer token for Prometheus.")
	flags.StringVar(&f.settings.Matchers, "prometheus-matchers", "",
		`More label matchers for every series, where one Prometheus has several meshes, such as cluster="east".`)
	flags.StringVar(&f.portForward, "port-forward", "",
		"Reach Prometheus through the API server, as kubectl port-forward does: <namespace>/<service>[:<port>]. "+
			"Without a value: the Service prometheus of the Istio namespace.")
	flags.Lookup("port-forward").NoOptDefVal = portForwardDefault
	flags.StringVar(&f.recording, "recording", "",
		"A file with series as Prometheus answers a query for a range, in place of a Prometheus.")
}

// validate refuses flags that do not go together.
func (f *sourceFlags) validate(objects *input) error {
	if _, err := since(f.since); err != nil {
		return err
	}
	named := f.named()
	switch {
	case named > 1:
		return errors.New("--prometheus, --port-forward and --recording name a source each: use one of them")
	case objects.fromFiles() && (named == 0 || f.portForward != ""):
		return errors.New("manifests have no traffic: name a source with --prometheus or --recording")
	default:
		return nil
	}
}

// named counts the flags that name a source.
func (f *sourceFlags) named() int {
	named := 0
	for _, flag := range []string{f.settings.URL, f.portForward, f.recording} {
		if flag != "" {
			named++
		}
	}
	return named
}

// asked is the source that a command asks, and about when.
type asked struct {
	evidence.Source
	window evidence.Window
	close  func()
}

// open returns the source that the flags name.
func (f *sourceFlags) open(ctx context.Context, objects *input) (asked, error) {
	length, err := since(f.since)
	if err != nil {
		return asked{}, err
	}
	a := asked{window: evidence.Last(length, time.Now()), close: func() {}}
	switch {
	case f.recording != "":
		recording, err := readRecording(f.recording, objects.streams.In)
		if err != nil {
			return asked{}, err
		}
		a.Source, a.window = recording, evidence.Last(length, recording.End())
		return a, nil
	case f.portForward != "":
		address, stop, err := objects.forward(ctx, f.portForward)
		if err != nil {
			return asked{}, err
		}
		f.settings.URL, a.close = address, stop
	case f.settings.URL == "":
		reach, err := objects.throughAPIServer()
		a.Source = evidence.NewScraper(reach)
		return a, err
	}
	a.Source, err = evidence.NewPrometheus(f.settings)
	return a, err
}

func readRecording(path string, stdin io.Reader) (*evidence.Recording, error) {
	if path == "-" {
		return evidence.ReadRecording("the standard input", stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return evidence.ReadRecording(path, file)
}

// throughAPIServer reaches the pages of proxies by way of the API server, which needs the right to get pods/proxy.
func (s *input) throughAPIServer() (evidence.Reach, error) {
	_, clients, err := connect(s.kube)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, proxy evidence.Proxy, page evidence.Page) (io.ReadCloser, error) {
		request := clients.CoreV1().RESTClient().Get().Namespace(proxy.Namespace).Resource("pods").Name(proxy.Name + ":" + page.Port).
			SubResource("proxy").Suffix(page.Path)
		if page.Filter != "" {
			request = request.Param("filter", page.Filter)
		}
		return request.Stream(ctx)
	}, nil
}

func parseDuration(words string) (time.Duration, error) {
	length, err := model.ParseDuration(words)
	return time.Duration(length), err
}
