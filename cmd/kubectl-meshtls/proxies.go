package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/proxy"
)

const (
	// adminPort is where Envoy's admin interface listens, on the pod's loopback.
	adminPort = 15000
	// askedAtOnce is how many proxies are asked at a time, askTimeout how long one may take, and largestDump how much it may say.
	askedAtOnce = 8
	askTimeout  = 30 * time.Second
	largestDump = 256 << 20
)

// asking asks the proxies of pods, and returns what there is to say of each.
type asking func(ctx context.Context, v *mesh.View, pods []proxy.Pod) []proxy.Verdict

// askers returns how the proxies are asked: by dumps that were saved, or themselves.
func (s *input) askers(flags verifyFlags) (asking, error) {
	if len(flags.dumps) > 0 {
		saved, err := readDumps(flags.dumps)
		if err != nil {
			return nil, err
		}
		return saved.ask, nil
	}
	config, clients, err := connect(s.kube)
	if err != nil {
		return nil, err
	}
	return forwarded{config, clients}.ask, nil
}

// forwarded asks proxies through the API server, with the rights of the user.
type forwarded struct {
	config  *rest.Config
	clients kubernetes.Interface
}

func (f forwarded) ask(ctx context.Context, v *mesh.View, pods []proxy.Pod) []proxy.Verdict {
	verdicts := make([]proxy.Verdict, len(pods))
	var pool errgroup.Group
	pool.SetLimit(askedAtOnce)
	for i, pod := range pods {
		pool.Go(func() error {
			facts, err := f.facts(ctx, pod)
			if err != nil {
				verdicts[i] = proxy.NotAsked(pod, err.Error())
				return nil
			}
			verdicts[i] = proxy.Judge(v, pod, facts)
			return nil
		})
	}
	// The pool's functions return no error: each has its verdict.
	_ = pool.Wait()
	proxy.InOrder(verdicts)
	return verdicts
}

// facts returns what the proxy of a pod runs.
func (f forwarded) facts(ctx context.Context, pod proxy.Pod) (proxy.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	to := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Workload.Namespace, Name: pod.Name}}
	address, stop, err := forwardTo(ctx, f.config, f.clients, podPort{pod: to, port: adminPort})
	if err != nil {
		return proxy.Facts{}, err
	}
	defer stop()
	content, err := get(ctx, address+"/config_dump")
	if err != nil {
		return proxy.Facts{}, fmt.Errorf("asking Envoy's admin interface: %w", err)
	}
	return proxy.Read(content)
}

// get reads a page by way of a port of this machine: no proxy of the user's environment is on the way.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, largestDump+1))
	if err == nil && len(content) > largestDump {
		err = fmt.Errorf("the answer is larger than %d bytes", largestDump)
	}
	return content, err
}

// dumps are the facts of dumps that were saved, by namespace and pod.
type dumps map[string]proxy.Facts

// readDumps reads files, and what is in directories.
func readDumps(paths []string) (dumps, error) {
	saved := dumps{}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			facts, err := proxy.Read(content)
			if err != nil {
				return fmt.Errorf("reading %s: %w", file, err)
			}
			saved[facts.String()] = facts
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return saved, nil
}

// ask judges the pods that have a saved dump, and reports the others as not asked.
func (d dumps) ask(_ context.Context, v *mesh.View, pods []proxy.Pod) []proxy.Verdict {
	var verdicts []proxy.Verdict
	for _, pod := range pods {
		if facts, saved := d[pod.Workload.Namespace+"/"+pod.Name]; saved {
			verdicts = append(verdicts, proxy.Judge(v, pod, facts))
		} else {
			verdicts = append(verdicts, proxy.NotAsked(pod, "There is no dump of its proxy."))
		}
	}
	proxy.InOrder(verdicts)
	return verdicts
}
