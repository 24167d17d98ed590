package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/agnivade/levenshtein"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/source"
)

// errNoCluster ends a command that would ask a cluster, and is told of none.
var errNoCluster = errors.New("no cluster is configured: name one with --kubeconfig or --context, or read files with -f")

// lastResort is the address that kubectl's configuration falls back to where it says nothing.
const lastResort = "http://localhost:8080"

// restConfig says how the cluster of the flags is reached.
func restConfig(kube *genericclioptions.ConfigFlags) (*rest.Config, error) {
	config, err := kube.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	raw, err := kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, err
	}
	if config.Host == lastResort && raw.CurrentContext == "" && *kube.Context == "" && *kube.APIServer == "" {
		return nil, errNoCluster
	}
	return config, nil
}

// checkNamespace returns an error where the cluster has no namespace of that name. Who may not ask is not told.
func checkNamespace(ctx context.Context, live client.Reader, reader *source.Reader, name string) error {
	if name == "" {
		return nil
	}
	err := live.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("the cluster has no namespace %s%s", name, meant(namespacesOf(reader), name))
}

// namespacesOf returns the namespaces that were read, and those of the objects that were.
func namespacesOf(reader *source.Reader) sets.Set[string] {
	names := reader.Namespaces()
	for _, object := range reader.Objects() {
		if namespace, is := object.(*corev1.Namespace); is {
			names.Insert(namespace.Name)
		}
	}
	return names
}

// noteEmptyNamespace says that manifests hold nothing of the namespace that the answer is limited to.
func (s *input) noteEmptyNamespace(reader *source.Reader) {
	name := *s.kube.Namespace
	if name == "" || s.allNamespaces {
		return
	}
	if names := namespacesOf(reader); !names.Has(name) {
		s.note("the files hold nothing of namespace %s%s", name, meant(names, name))
	}
}

// mostSlips is how many letters of a name can be wrong for it to be recognised.
const mostSlips = 2

// meant is the end of a message that says which name was meant; nothing where none is like the typed one.
func meant(names sets.Set[string], typed string) string {
	nearest, least := "", mostSlips+1
	for _, name := range sets.List(names) {
		if distance := levenshtein.ComputeDistance(name, typed); distance < least {
			nearest, least = name, distance
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
}
