package controlplane

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// User is somebody whom the API server knows.
type User struct {
	// Config connects to the API server as this user.
	Config *rest.Config
	// Kubeconfig is the path of a kubeconfig file that does the same. The file goes when the control plane stops.
	Kubeconfig string
}

// AddUser makes a user of this name and these groups known. A user has no rights but those that RBAC gives.
func (c *ControlPlane) AddUser(name string, groups ...string) (User, error) {
	// QPS -1: nothing holds the client back but the API server itself.
	added, err := c.servers.AddUser(envtest.User{Name: name, Groups: groups}, &rest.Config{QPS: -1})
	if err != nil {
		return User{}, fmt.Errorf("adding user %s: %w", name, err)
	}
	kubeconfig, err := added.KubeConfig()
	if err != nil {
		return User{}, fmt.Errorf("writing the kubeconfig of user %s: %w", name, err)
	}
	path, err := c.writeKubeconfig(kubeconfig)
	return User{Config: added.Config(), Kubeconfig: path}, err
}

// AddServiceAccount makes a client known to the API server as a ServiceAccount is, by a certificate in place of a token. The
// ServiceAccount object need not exist.
func (c *ControlPlane) AddServiceAccount(namespace, name string) (User, error) {
	return c.AddUser(
		"system:serviceaccount:"+namespace+":"+name,
		"system:serviceaccounts", "system:serviceaccounts:"+namespace,
	)
}

// writeKubeconfig puts a kubeconfig into a new file of the workspace.
func (c *ControlPlane) writeKubeconfig(content []byte) (string, error) {
	file, err := os.CreateTemp(c.workspace.dir, "kubeconfig-*.yaml")
	if err != nil {
		return "", fmt.Errorf("creating a kubeconfig: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Write(content); err != nil {
		return "", fmt.Errorf("writing %s: %w", file.Name(), err)
	}
	return file.Name(), nil
}
