package kubelet

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/meshtls/meshtls/test/mesh/app"
)

const (
	// initContainer sets up the redirection of a pod's traffic; controlPlane is istiod.
	initContainer, proxyContainer, controlPlane = "istio-init", "istio-proxy", "discovery"
	// path is where containers look for programs.
	path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// istioUser is the user of Istio's images, and their group.
	istioUser = 1337
)

// entrypoints are what the images of Istio's containers run.
var entrypoints = map[string]string{
	initContainer:  "/usr/local/bin/pilot-agent",
	proxyContainer: "/usr/local/bin/pilot-agent",
	controlPlane:   "/usr/local/bin/pilot-discovery",
}

// isIstio reports whether a container is one of Istio's.
func isIstio(container corev1.Container) bool {
	return entrypoints[container.Name] != ""
}

// user returns the user that a container runs as, and its group is the same.
func user(container *corev1.Container) int64 {
	if security := container.SecurityContext; security != nil && security.RunAsUser != nil {
		return *security.RunAsUser
	}
	return istioUser
}

// startContainer runs an init container to its end, and starts any other.
func (p *Pod) startContainer(ctx context.Context, container *corev1.Container) error {
	if !isIstio(*container) {
		return p.startApplication(ctx, container)
	}
	command, err := p.command(container)
	if err != nil {
		return fmt.Errorf("container %s: %w", container.Name, err)
	}
	if container.Name == initContainer {
		_, err := p.Sandbox.Run(ctx, command...)
		return err
	}
	if container.Name == controlPlane {
		if err := p.reachAPIServer(ctx); err != nil {
			return err
		}
	}
	program, err := p.Sandbox.Background(container.Name, command...)
	if err == nil {
		p.programs = append(p.programs, program)
	}
	return err
}

// startApplication serves the ports that a container declares.
func (p *Pod) startApplication(ctx context.Context, container *corev1.Container) error {
	kinds := map[string]app.Kind{}
	for _, argument := range container.Args {
		if port, kind, ok := strings.Cut(argument, "="); ok {
			kinds[port] = app.Kind(kind)
		}
	}
	for _, port := range container.Ports {
		kind, ok := kinds[strconv.Itoa(int(port.ContainerPort))]
		if !ok {
			kind = app.Any
		}
		if port.Protocol == corev1.ProtocolUDP {
			continue
		}
		if err := p.serve(ctx, port.ContainerPort, kind); err != nil {
			return err
		}
	}
	return nil
}

// command returns the command line of a container, with its environment and its user.
func (p *Pod) command(container *corev1.Container) ([]string, error) {
	command := []string{"env", "--ignore-environment", "PATH=" + path, "HOME=/tmp"}
	variables := map[string]string{}
	for _, variable := range container.Env {
		value, err := p.value(container, variable)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", variable.Name, err)
		}
		variables[variable.Name] = expand(value, variables)
		command = append(command, variable.Name+"="+variables[variable.Name])
	}
	if id := user(container); id != 0 {
		command = append(command, "setpriv", fmt.Sprintf("--reuid=%d", id), fmt.Sprintf("--regid=%d", id), "--clear-groups")
	}
	if len(container.Command) == 0 {
		command = append(command, entrypoints[container.Name])
	}
	for _, argument := range append(append([]string{}, container.Command...), container.Args...) {
		command = append(command, expand(argument, variables))
	}
	return command, nil
}

// reference is a reference to a variable, as Kubernetes writes it.
var reference = regexp.MustCompile(`\$\(([-._a-zA-Z0-9]+)\)`)

// expand puts variables in place of references; those to unknown ones stay.
func expand(text string, variables map[string]string) string {
	return reference.ReplaceAllStringFunc(text, func(match string) string {
		if value, ok := variables[match[2:len(match)-1]]; ok {
			return value
		}
		return match
	})
}

// value returns what an environment variable says, before references in it are expanded.
func (p *Pod) value(container *corev1.Container, variable corev1.EnvVar) (string, error) {
	switch from := variable.ValueFrom; {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil:
		return p.field(from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil:
		return limit(container, from.ResourceFieldRef.Resource), nil
	}
	return "", fmt.Errorf("only fields and limits can be referred to here")
}

// field returns a field of the pod, as the downward API gives it.
func (p *Pod) field(path string) (string, error) {
	switch path {
	case "metadata.name":
		return p.object.Name, nil
	case "metadata.namespace":
		return p.object.Namespace, nil
	case "metadata.uid":
		return string(p.object.UID), nil
	case "metadata.labels":
		return lines(p.object.Labels), nil
	case "metadata.annotations":
		return lines(p.object.Annotations), nil
	case "spec.nodeName":
		return p.object.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return p.object.Spec.ServiceAccountName, nil
	case "status.podIP":
		return p.object.Status.PodIP, nil
	case "status.hostIP":
		return p.object.Status.HostIP, nil
	}
	return "", fmt.Errorf("the downward API here does not know the field %s", path)
}

// limit returns a limit of a container: cores, or bytes. What has none gets one core and a GiB.
func limit(container *corev1.Container, name string) string {
	quantity := resource.MustParse("1")
	switch name {
	case "limits.cpu":
		if cpu, ok := container.Resources.Limits[corev1.ResourceCPU]; ok {
			quantity = cpu
		}
	case "limits.memory":
		quantity = resource.MustParse("1Gi")
		if memory, ok := container.Resources.Limits[corev1.ResourceMemory]; ok {
			quantity = memory
		}
	}
	return strconv.FormatInt(quantity.Value(), 10)
}
