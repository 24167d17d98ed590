package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/test/controlplane"
	"github.com/meshtls/meshtls/test/mesh"
)

// crds is where the CustomResourceDefinitions of the API are.
const crds = "config/crd/bases"

// cluster is the control plane with the operator on it.
type cluster struct {
	root  string
	plane *controlplane.ControlPlane
	// mesh is the mesh that the control plane belongs to; nil: pods exist, and do not run.
	mesh     *mesh.Mesh
	client   client.Client
	operator *controlplane.Process
}

// start starts a mesh, or where there can be none a control plane with the controllers that make pods of Deployments and StatefulSets.
func start(ctx context.Context, show *printer) (*cluster, error) {
	root, err := controlplane.Root()
	if err != nil {
		return nil, err
	}
	c := &cluster{root: root}
	if missing := mesh.Missing(); missing == "" {
		show.step("starting a mesh: etcd, kube-apiserver, kube-controller-manager and istiod")
		err = c.startMesh(ctx)
	} else {
		show.step("starting etcd, kube-apiserver and kube-controller-manager")
		show.line("    There are no proxies, and so no real connections. %s", missing)
		err = c.startPlane(ctx)
	}
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(meshtlsv1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	if c.client, err = client.New(c.plane.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the API server: %w", err), c.stop())
	}
	return c, nil
}

func (c *cluster) startMesh(ctx context.Context) (err error) {
	if c.mesh, err = mesh.Start(ctx, mesh.Options{CRDs: []string{crds}}); err == nil {
		c.plane = c.mesh.Plane
	}
	return err
}

func (c *cluster) startPlane(ctx context.Context) (err error) {
	c.plane, err = controlplane.Start(ctx, controlplane.Options{
		CRDs: []string{crds},
		Controllers: []string{
			"garbage-collector-controller", "namespace-controller",
			"deployment-controller", "replicaset-controller", "statefulset-controller",
		},
	})
	return err
}

// stop ends everything.
func (c *cluster) stop() error {
	if c.mesh != nil {
		return c.mesh.Stop()
	}
	return c.plane.Stop()
}

// install applies what stands in for Istio, then config/default, and runs the operator as its ServiceAccount.
func (c *cluster) install(ctx context.Context) error {
	standIns, err := c.read("config/samples/istio")
	if err != nil {
		return err
	}
	for _, object := range standIns {
		if c.mesh != nil && object.GetKind() == "ConfigMap" {
			continue // Istio itself is there, with a mesh config of its own
		}
		if err := c.applyObject(ctx, object); err != nil {
			return err
		}
	}
	manifests, err := c.kustomize(ctx, "config/default")
	if err != nil {
		return err
	}
	var account *unstructured.Unstructured
	for _, object := range manifests {
		switch object.GetKind() {
		case "Deployment": // nothing runs pods here: the operator is a process
			continue
		case "ServiceAccount":
			account = object
		}
		if err := c.applyObject(ctx, object); err != nil {
			return err
		}
	}
	return c.startOperator(account)
}

// startOperator runs bin/manager as the ServiceAccount.
func (c *cluster) startOperator(account *unstructured.Unstructured) error {
	if account == nil {
		return fmt.Errorf("config/default has no ServiceAccount for the operator")
	}
	manager, err := c.binary("manager")
	if err != nil {
		return err
	}
	user, err := c.plane.AddServiceAccount(account.GetNamespace(), account.GetName())
	if err != nil {
		return err
	}
	c.operator, err = c.plane.Run("manager", manager, "--kubeconfig="+user.Kubeconfig, "--health-probe-bind-address=0")
	return err
}

// kustomize returns what a folder renders to.
func (c *cluster) kustomize(ctx context.Context, folder string) ([]*unstructured.Unstructured, error) {
	program, err := c.binary("tools", "kustomize")
	if err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, program, "build", filepath.Join(c.root, folder))
	build.Stderr = os.Stderr
	output, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", folder, err)
	}
	return decode(output)
}

// binary returns the path of something that the Makefile builds.
func (c *cluster) binary(elements ...string) (string, error) {
	path := filepath.Join(append([]string{c.root, "bin"}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w (make demo builds what the demo needs)", err)
	}
	return path, nil
}
