package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/manifests"
)

// source is where the objects of a command come from: manifest files, or the cluster.
type source struct {
	streams        genericiooptions.IOStreams
	kube           *genericclioptions.ConfigFlags
	filenames      []string
	allNamespaces  bool
	istioNamespace string
	rootNamespace  string
}

func newSource(streams genericiooptions.IOStreams) *source {
	kube := genericclioptions.NewConfigFlags(true).WithWrapConfigFn(limitlessly)
	kube.CacheDir = nil
	return &source{streams: streams, kube: kube}
}

// limitlessly leaves it to the API server's priority and fairness how many requests it takes.
func limitlessly(config *rest.Config) *rest.Config {
	config.QPS = -1
	return config
}

// addFlags gives a command the flags that say where its objects come from.
func (s *source) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&s.filenames, "filename", "f", nil,
		"Manifests to read instead of the cluster: a file, a directory with everything below it, or - for the standard input. Repeatable.")
	flags.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false,
		"Report on all namespaces (with -f that is the default).")
	flags.StringVar(&s.istioNamespace, "istio-namespace", gather.DefaultIstioNamespace,
		"The namespace of Istio's control plane, where the ConfigMap with the mesh config is read.")
	flags.StringVar(&s.rootNamespace, "root-namespace", "",
		"The mesh's root namespace. Default: what the mesh config says, or else the Istio namespace.")
	s.addKubeFlags(flags)
}

// addKubeFlags adds kubectl's flags for reaching a cluster. Only the usual ones are shown: kubectl options lists the others.
func (s *source) addKubeFlags(flags *pflag.FlagSet) {
	kube := pflag.NewFlagSet("kubeconfig", pflag.ContinueOnError)
	s.kube.AddFlags(kube)
	kube.VisitAll(func(flag *pflag.Flag) {
		switch flag.Name {
		case "namespace":
			flag.Usage = "Report on this namespace only; all are read. In manifests it is also that of objects that name none."
		case "kubeconfig", "context":
		default:
			flag.Hidden = true
		}
	})
	flags.AddFlagSet(kube)
}

// fromFiles says that no cluster is asked.
func (s *source) fromFiles() bool { return len(s.filenames) > 0 }

// scope is the namespace that the answer is limited to; empty: all namespaces.
func (s *source) scope() (string, error) {
	switch {
	case s.allNamespaces:
		return "", nil
	case s.fromFiles():
		return *s.kube.Namespace, nil
	}
	namespace, _, err := s.kube.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// reader reads all objects once. With an error that is a manifests.Error it holds what could be read all the same.
func (s *source) reader(ctx context.Context) (*manifests.Reader, error) {
	if s.fromFiles() {
		return manifests.Read(ctx, s.filenames, manifests.Options{Namespace: *s.kube.Namespace, Stdin: s.streams.In})
	}
	config, err := s.kube.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	cluster, err := client.New(config, client.Options{Scheme: manifests.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return manifests.Load(ctx, cluster, manifests.LoadOptions{IstioNamespace: s.istioNamespace})
}

// options are what gather has to know of what the reader holds.
func (s *source) options(reader *manifests.Reader) gather.Options {
	return gather.Options{
		IstioNamespace:       s.istioNamespace,
		RootNamespace:        s.rootNamespace,
		Missing:              reader.Missing(),
		CredentialNamespaces: reader.CredentialNamespaces(),
	}
}
