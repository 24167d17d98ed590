package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Etcd returns where etcd is.
func (c *ControlPlane) Etcd() *url.URL {
	where := *c.servers.Etcd.URL
	return &where
}

// AddAPIServer starts another kube-apiserver, of another name than all other processes, and returns its host and port once it is ready. It
// takes the credentials that the first one takes, and finds etcd at the URL.
func (c *ControlPlane) AddAPIServer(ctx context.Context, name string, etcd *url.URL) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	assets, err := findAssets(root, []string{apiServerBinary})
	if err != nil {
		return "", err
	}
	flags, err := c.workspace.flags(apiServerBinary)
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	flags = slices.DeleteFunc(flags, func(flag string) bool {
		return strings.HasPrefix(flag, "--secure-port=") || strings.HasPrefix(flag, "--etcd-servers=")
	})
	flags = append(flags, "--secure-port="+strconv.Itoa(port), "--etcd-servers="+etcd.String())
	p, err := c.Run(name, filepath.Join(assets, apiServerBinary), flags...)
	if err != nil {
		return "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	if err := p.waitHealthy(ctx, "https://"+address+"/readyz"); err != nil {
		return "", fmt.Errorf("waiting for %s: %w", name, errors.Join(err, p.Err(), errors.New(p.Tail())))
	}
	return address, nil
}
