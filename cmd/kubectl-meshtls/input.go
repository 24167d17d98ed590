package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// errNothingSeen ends a command that could only say that all is well.
var errNothingSeen = errors.New("you may list nothing of what is looked at; with -n, rights in one namespace are enough")

// input is where the objects of a command come from: manifest files, or the cluster.
type input struct {
	streams genericiooptions.IOStreams
	kube    *genericclioptions.ConfigFlags
	// connected is the cluster that is asked in place of the one of the flags, in tests; nil: none.
	connected      client.Client
	filenames      []string
	kustomizations []string
	allNamespaces  bool
	istioNamespace string
	rootNamespace  string
	clusterDomain  string
	// credentials says that the command looks at certificates: Secrets are read only for that.
	credentials bool
	// stage is which stage of rollouts is looked at; empty: the one that they are at.
	stage string
	// complete says that the files are the whole mesh, and withCluster that they are laid on top of the cluster's objects.
	complete, withCluster bool
	// files is what is known of the files where there may be more than these; nil: there is no more.
	files *model.Files
	// touched are the namespaces that the files have objects of, where they are laid on top of a cluster; nil: that is not so.
	touched []string
	// kinds are those that the command looks at, of a cluster; empty: all.
	kinds sets.Set[string]
}

func newInput(streams genericiooptions.IOStreams) *input {
	kube := genericclioptions.NewConfigFlags(true).WithWrapConfigFn(limitlessly)
	kube.CacheDir = nil
	return &input{streams: streams, kube: kube}
}

// limitlessly leaves it to the API server's priority and fairness how many requests it takes.
func limitlessly(config *rest.Config) *rest.Config {
	config.QPS = -1
	return config
}

// addFlags gives a command the flags that say where its objects come from.
func (s *input) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&s.filenames, "filename", "f", nil,
		"Manifests to read instead of the cluster: a file, a directory with everything below it, a URL, or - for the standard input. Repeatable.")
	flags.StringSliceVarP(&s.kustomizations, "kustomize", "k", nil,
		"Directories of which to read what their kustomization comes to, as kubectl does. Repeatable.")
	flags.BoolVar(&s.complete, "complete", false,
		"The files of -f are all there is: what they do not hold does not exist. Else it may be elsewhere, and is not called an error.")
	flags.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false,
		"Report on all namespaces (with -f that is the default).")
	flags.StringVar(&s.istioNamespace, "istio-namespace", gather.DefaultIstioNamespace,
		"The namespace of Istio's control plane, where the ConfigMap with the mesh config is read.")
	flags.StringVar(&s.rootNamespace, "root-namespace", "",
		"The mesh's root namespace. Default: what the mesh config says, or else the Istio namespace.")
	flags.StringVar(&s.clusterDomain, "cluster-domain", "",
		"What the names of the cluster's Services end in. Default: what Istio's injector is installed with, or else cluster.local.")
	addKubeFlags(flags, s.kube)
}

// takeFiles takes the arguments of a command for manifests to read, as if each came after -f.
func (s *input) takeFiles(_ *cobra.Command, args []string) error {
	s.filenames = append(s.filenames, args...)
	return nil
}

// addKubeFlags adds kubectl's flags for reaching a cluster. Only the usual ones are shown: kubectl options lists the others.
func addKubeFlags(flags *pflag.FlagSet, of *genericclioptions.ConfigFlags) {
	kube := pflag.NewFlagSet("kubeconfig", pflag.ContinueOnError)
	of.AddFlags(kube)
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
func (s *input) fromFiles() bool { return len(s.filenames)+len(s.kustomizations) > 0 }

// paths returns all that is read in place of a cluster.
func (s *input) paths() []string { return slices.Concat(s.filenames, s.kustomizations) }

// scope returns the namespace that limits the answer. Empty: there is no limit, or with --with-cluster the namespaces of the files.
func (s *input) scope() (string, error) {
	switch {
	case s.allNamespaces:
		return "", nil
	case s.fromFiles():
		return *s.kube.Namespace, nil
	}
	return s.currentNamespace()
}

// currentNamespace returns that of the flag or else of the kubeconfig.
func (s *input) currentNamespace() (string, error) {
	namespace, _, err := s.kube.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// reader reads all objects once, and says on the standard error what it leaves out. Of manifests, what the operator would write for the
// policies among them is there too. Where documents of manifests are wrong, it comes
// with an error for each of them, and holds all the others. It is nil where nothing could be read.
func (s *input) reader(ctx context.Context) (*source.Reader, error) {
	switch {
	case !s.fromFiles():
		return s.cluster(ctx)
	case s.withCluster:
		return s.onCluster(ctx)
	}
	reader, err := source.Read(ctx, s.filenames, s.reading(*s.kube.Namespace))
	s.noteIgnored(reader)
	s.noteEmptyNamespace(reader)
	if !s.complete {
		s.files = reader.Files()
	}
	return reader, errors.Join(err, s.settle(ctx, reader))
}

// client is one of the cluster that the flags say.
func (s *input) client() (client.Client, error) {
	if s.connected != nil {
		return s.connected, nil
	}
	config, err := restConfig(s.kube)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-meshtls/" + version()
	// A warning of the API server about a deprecated version of a kind is of no use here.
	config.WarningHandler = rest.NoWarnings{}
	live, err := client.New(config, client.Options{Scheme: source.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return live, nil
}

// cluster reads the cluster once, and says what could not be read.
func (s *input) cluster(ctx context.Context) (*source.Reader, error) {
	live, err := s.client()
	if err != nil {
		return nil, err
	}
	scope, err := s.scope()
	if err != nil {
		return nil, err
	}
	reader, err := s.load(ctx, live, scope)
	if err != nil {
		return nil, err
	}
	if err := checkNamespace(ctx, live, reader, scope); err != nil {
		return nil, err
	}
	return reader, nil
}

// load reads the cluster's objects. Where the user may not list those of all namespaces, it looks into the named one.
func (s *input) load(ctx context.Context, live client.Client, scope string) (*source.Reader, error) {
	options := source.LoadOptions{IstioNamespace: s.istioNamespace, Credentials: s.credentials, Kinds: s.kinds}
	for _, namespace := range []string{scope, s.rootNamespace} {
		if namespace != "" {
			options.Namespaces = append(options.Namespaces, namespace)
		}
	}
	reader, err := source.Load(ctx, live, options)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster: %w", err)
	}
	s.noteForbidden(reader)
	if reader.Len() == 0 && len(reader.Forbidden()) > 0 {
		return nil, errNothingSeen
	}
	return reader, nil
}

// noteIgnored says what manifests hold that nothing here reads.
func (s *input) noteIgnored(reader *source.Reader) {
	var kinds []string
	for _, ignored := range reader.Ignored() {
		kinds = append(kinds, fmt.Sprintf("%d %s", ignored.Count, ignored.Kind.GroupKind()))
	}
	if n := reader.Strange(); n > 0 {
		s.note("documents that are no Kubernetes objects were passed over: %d", n)
	}
	if len(kinds) > 0 {
		s.note("objects of kinds that are not looked at were passed over: %s", strings.Join(kinds, ", "))
	}
	s.notePassed(reader)
}

// reading says how files are read.
func (s *input) reading(namespace string) source.Options {
	return source.Options{Namespace: namespace, Stdin: s.streams.In, Kustomizations: s.kustomizations}
}

// noteForbidden says what the user may not list, and so is not judged: a line for the kinds of which the same was read.
func (s *input) noteForbidden(reader *source.Reader) {
	kinds := map[string][]string{}
	for kind, namespaces := range reader.Forbidden() {
		where := strings.Join(sets.List(namespaces), ", ")
		kinds[where] = append(kinds[where], kind)
	}
	for _, where := range slices.Sorted(maps.Keys(kinds)) {
		read := "none were read"
		if where != "" {
			read = "only those of " + where + " were read"
		}
		slices.Sort(kinds[where])
		s.note("you may not list %s in all namespaces: %s, and what depends on others is not judged", strings.Join(kinds[where], ", "), read)
	}
}

// mustSeePolicies returns an error where nothing is known of the policies that the answer is about.
func (s *input) mustSeePolicies(reader *source.Reader) error {
	scope, err := s.scope()
	if err != nil {
		return err
	}
	namespaces, limited := reader.Forbidden()[policyKind]
	switch {
	case !limited, scope != "" && namespaces.Has(scope):
		return nil
	case scope == "":
		return fmt.Errorf("you may not list the objects of kind %s in all namespaces; with -n, those of one are enough", policyKind)
	default:
		return fmt.Errorf("you may not list the objects of kind %s in namespace %s", policyKind, scope)
	}
}

// note writes a line that is not part of the answer.
func (s *input) note(format string, values ...any) {
	_, _ = fmt.Fprintf(s.streams.ErrOut, "note: "+format+"\n", values...)
}

// options returns what gather has to know of what the reader holds.
func (s *input) options(reader *source.Reader) gather.Options {
	return gather.Options{
		IstioNamespace:       s.istioNamespace,
		RootNamespace:        s.rootNamespace,
		ClusterDomain:        s.clusterDomain,
		Missing:              reader.Missing(),
		Fields:               reader.Fields(),
		CredentialNamespaces: reader.CredentialNamespaces(),
		Files:                s.files,
		Omitted:              reader.Omitted(),
		Now:                  metav1.Now(),
	}
}

// complete lets the shell offer the values of a flag.
func complete(command *cobra.Command, flag string, values ...string) {
	offer := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := command.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // the command has no such flag
	}
}
