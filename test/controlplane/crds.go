package controlplane

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// crdOptions returns what envtest shall install: the CRDs of the options and Istio's.
func crdOptions(root string, options Options) (envtest.CRDInstallOptions, error) {
	install := envtest.CRDInstallOptions{
		ErrorIfPathMissing: true,
		PollInterval:       50 * time.Millisecond,
		MaxTime:            startTimeout,
	}
	for _, path := range options.CRDs {
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		install.Paths = append(install.Paths, path)
	}
	if options.WithoutIstio {
		return install, nil
	}
	istio, err := IstioCRDs(root)
	install.Paths = append(install.Paths, istio)
	return install, err
}

// installCRDs installs CustomResourceDefinitions and waits until they are established.
func (c *ControlPlane) installCRDs(ctx context.Context, crds envtest.CRDInstallOptions) error {
	err := c.interruptible(ctx, func() error {
		_, err := envtest.InstallCRDs(c.Config, crds)
		return err
	})
	if err != nil {
		return fmt.Errorf("installing CRDs: %w", err)
	}
	return nil
}

// IstioCRDs returns the file with Istio's CRDs, in the source of the module istio.io/api at the version that go.mod requires.
func IstioCRDs(root string) (string, error) {
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api")
	list.Dir = root
	output, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding Istio's CRDs in module istio.io/api: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(output)), "kubernetes", "customresourcedefinitions.gen.yaml"), nil
}
