// Command base runs a command beside a registry with an empty image, and names that in KO_DEFAULTBASEIMAGE: ko stands its images on it
// where the base that it has by default cannot be had. They then hold the program and nothing else, as those of the Dockerfile.
//
// Usage: base COMMAND [ARGUMENT …]
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: base COMMAND [ARGUMENT …]")
		os.Exit(2)
	}
	err := run(os.Args[1:])
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the image while the command runs.
func run(command []string) error {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	base := strings.TrimPrefix(server.URL, "http://") + "/empty:latest"
	if err := push(base); err != nil {
		return fmt.Errorf("serving the empty image: %w", err)
	}
	running := exec.Command(command[0], command[1:]...) // #nosec G204 -- it is what this is for
	running.Env = append(os.Environ(), "KO_DEFAULTBASEIMAGE="+base)
	running.Stdout, running.Stderr = os.Stdout, os.Stderr
	return running.Run()
}

// push sends an index of empty images, one for each platform that is built.
func push(base string) error {
	reference, err := name.ParseReference(base, name.Insecure)
	if err != nil {
		return err
	}
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		platform := v1.Platform{OS: "linux", Architecture: architecture}
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
			OS: platform.OS, Architecture: architecture, Config: v1.Config{User: "65532:65532"},
		})
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return remote.WriteIndex(reference, index)
}
