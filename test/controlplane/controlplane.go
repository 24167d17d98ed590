package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Config connects to the API server as a cluster administrator, who is exempt from API priority and fairness.
	Config *rest.Config
	// Kubeconfig is the path of a kubeconfig file that does the same. The file goes when the control plane stops.
	Kubeconfig string

	workspace *workspace
	servers   envtest.ControlPlane
	auditLog  string
	stop      func() error

	mu        sync.Mutex
	processes []*Process
}

// Start starts a control plane and returns when the API server answers, the CRDs are established and the controllers run. The
// control plane stops by itself when the context ends. After an error nothing is left running.
func Start(ctx context.Context, options Options) (*ControlPlane, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	assets, err := findAssets(root, options.binaries())
	if err != nil {
		return nil, err
	}
	space, err := newWorkspace()
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{workspace: space}
	c.stop = sync.OnceValue(c.shutdown)
	if err := c.start(ctx, root, assets, options); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	context.AfterFunc(ctx, func() { _ = c.Stop() })
	return c, nil
}

// Stop ends every process and removes every file. It may be called again.
func (c *ControlPlane) Stop() error {
	return c.stop()
}

// Folder holds all files of the control plane, the logs in its subfolder logs. It goes when the control plane stops.
func (c *ControlPlane) Folder() string {
	return c.workspace.dir
}

// start brings up the parts in their order.
func (c *ControlPlane) start(ctx context.Context, root, assets string, options Options) error {
	crds, err := crdOptions(root, options)
	if err != nil {
		return err
	}
	if options.Audit {
		if err := c.enableAudit(); err != nil {
			return err
		}
	}
	if options.Prepare != nil {
		if err := options.Prepare(c.Folder(), c.servers.GetAPIServer()); err != nil {
			return fmt.Errorf("preparing the API server: %w", err)
		}
	}
	if err := c.startServers(ctx, assets); err != nil {
		return err
	}
	admin, err := c.AddUser("admin", "system:masters")
	if err != nil {
		return err
	}
	c.Config, c.Kubeconfig = admin.Config, admin.Kubeconfig
	if err := c.installCRDs(ctx, crds); err != nil {
		return err
	}
	if len(options.Controllers) == 0 {
		return nil
	}
	return c.startControllerManager(ctx, filepath.Join(assets, controllerManagerBinary), options.Controllers)
}

// startServers starts etcd and kube-apiserver.
func (c *ControlPlane) startServers(ctx context.Context, assets string) error {
	etcdLog, apiServerLog, err := c.configure(assets)
	if err != nil {
		return err
	}
	defer func() { _, _ = etcdLog.Close(), apiServerLog.Close() }() // the processes have their own handles
	if err := c.interruptible(ctx, c.servers.Start); err != nil {
		return fmt.Errorf("starting etcd and kube-apiserver: %w\n%s%s", err, tail(etcdLog.Name()), tail(apiServerLog.Name()))
	}
	return nil
}

// interruptible runs a step of envtest, which knows no context. If the context ends first, the processes are ended: envtest gives
// up when they are gone.
func (c *ControlPlane) interruptible(ctx context.Context, step func() error) error {
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = step()
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		closed := c.workspace.close()
		<-done // what envtest says now is only that its programs are gone
		return errors.Join(ctx.Err(), closed)
	}
}

// configure tells envtest to keep all files in the workspace, and to run the programs as processes of it.
func (c *ControlPlane) configure(assets string) (etcdLog, apiServerLog *os.File, err error) {
	etcd, apiServer := &envtest.Etcd{DataDir: c.workspace.path("etcd")}, c.servers.GetAPIServer()
	etcd.StartTimeout, etcd.StopTimeout = startTimeout, stopTimeout
	apiServer.StartTimeout, apiServer.StopTimeout = startTimeout, stopTimeout
	c.servers.Etcd, apiServer.CertDir = etcd, c.workspace.path("certs")
	if etcd.Path, err = c.workspace.starter(etcdBinary, filepath.Join(assets, etcdBinary)); err != nil {
		return nil, nil, err
	}
	if apiServer.Path, err = c.workspace.starter(apiServerBinary, filepath.Join(assets, apiServerBinary)); err != nil {
		return nil, nil, err
	}
	if etcdLog, err = c.workspace.log(etcdBinary); err != nil {
		return nil, nil, err
	}
	if apiServerLog, err = c.workspace.log(apiServerBinary); err != nil {
		return nil, nil, err
	}
	etcd.Out, etcd.Err, apiServer.Out, apiServer.Err = etcdLog, etcdLog, apiServerLog, apiServerLog
	return etcdLog, apiServerLog, nil
}

// shutdown ends the processes, the youngest first, then the control plane, and removes the folder.
func (c *ControlPlane) shutdown() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	for _, p := range slices.Backward(c.processes) {
		err = errors.Join(err, p.Stop())
	}
	err = errors.Join(err, c.servers.Stop())
	if err == nil {
		err = c.workspace.forget()
	}
	return errors.Join(err, c.workspace.close())
}
