package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/source"
)

// completesFor is how long a shell waits for what it offers.
const completesFor = 3 * time.Second

// completeKube lets the shell offer the namespaces and contexts for kubectl's flags. Where nothing can be read it offers nothing, and
// says nothing.
func completeKube(command *cobra.Command, objects *input) {
	for flag, offer := range map[string]cobra.CompletionFunc{
		"namespace": func(command *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return objects.offeredNamespaces(command.Context(), typed), cobra.ShellCompDirectiveNoFileComp
		},
		"context": func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return objects.offeredContexts(typed), cobra.ShellCompDirectiveNoFileComp
		},
	} {
		if command.Flags().Lookup(flag) == nil {
			continue
		}
		if err := command.RegisterFlagCompletionFunc(flag, offer); err != nil {
			panic(err) // it is registered once
		}
	}
}

// offeredContexts returns the kubeconfig's contexts that begin as typed.
func (s *input) offeredContexts(typed string) []string {
	config, err := s.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	return beginning(slices.Sorted(maps.Keys(config.Contexts)), typed)
}

// offeredNamespaces returns those of the files, or of the cluster, that begin as typed.
func (s *input) offeredNamespaces(ctx context.Context, typed string) []string {
	if s.fromFiles() {
		return beginning(s.filesRead(ctx).Touched(), typed)
	}
	return beginning(s.listed(ctx, corev1.SchemeGroupVersion.WithKind("Namespace"), ""), typed)
}

// filesRead returns what the files hold that can be read.
func (s *input) filesRead(ctx context.Context) *source.Reader {
	reader, _ := source.Read(ctx, s.filenames, s.reading(*s.kube.Namespace))
	return reader
}

// listed returns the names of the cluster's objects of a kind.
func (s *input) listed(ctx context.Context, kind schema.GroupVersionKind, namespace string) []string {
	if ctx == nil {
		ctx = context.Background() // a shell's completion gives none
	}
	ctx, done := context.WithTimeout(ctx, completesFor)
	defer done()
	live, err := s.client()
	if err != nil {
		return nil
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil
	}
	names := sets.New[string]()
	for i := range list.Items {
		names.Insert(list.Items[i].Name)
	}
	return sets.List(names)
}

// beginning returns the names that begin as typed.
func beginning(names []string, typed string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, typed) })
}

// offeredKinds are the kinds of targets whose names the shell is offered, by how they are typed.
var offeredKinds = map[string]schema.GroupVersionKind{
	"pod":           corev1.SchemeGroupVersion.WithKind("Pod"),
	"service":       corev1.SchemeGroupVersion.WithKind("Service"),
	"svc":           corev1.SchemeGroupVersion.WithKind("Service"),
	"namespace":     corev1.SchemeGroupVersion.WithKind("Namespace"),
	"ns":            corev1.SchemeGroupVersion.WithKind("Namespace"),
	"deployment":    {Group: "apps", Version: "v1", Kind: "Deployment"},
	"deploy":        {Group: "apps", Version: "v1", Kind: "Deployment"},
	"statefulset":   {Group: "apps", Version: "v1", Kind: "StatefulSet"},
	"daemonset":     {Group: "apps", Version: "v1", Kind: "DaemonSet"},
	"replicaset":    {Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	"job":           {Group: "batch", Version: "v1", Kind: "Job"},
	"gateway":       {Group: "networking.istio.io", Version: "v1", Kind: "Gateway"},
	"mtp":           meshtlsv1alpha1.GroupVersion.WithKind(policyKind),
	"meshtlspolicy": meshtlsv1alpha1.GroupVersion.WithKind(policyKind),
}

// completeTargets offers the kinds of targets, and then the names that there are in the namespace.
func completeTargets(known []string, objects *input) cobra.CompletionFunc {
	return func(command *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		kind, name, named := strings.Cut(typed, "/")
		switch {
		case len(args) > 0:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case !named:
			kinds := make([]string, len(known))
			for i, kind := range known {
				kinds[i] = kind + "/"
			}
			return kinds, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		}
		var targets []string
		for _, found := range objects.offeredNames(command.Context(), kind, name) {
			targets = append(targets, kind+"/"+found)
		}
		return targets, cobra.ShellCompDirectiveNoFileComp
	}
}

// offeredNames returns the names of a kind that begin as typed, of the files or of the namespace.
func (s *input) offeredNames(ctx context.Context, kind, typed string) []string {
	of, known := offeredKinds[kind]
	if !known {
		return nil
	}
	scope, err := s.scope()
	if err != nil {
		return nil
	}
	if !s.fromFiles() {
		return beginning(s.listed(ctx, of, scope), typed)
	}
	names := sets.New[string]()
	for _, object := range s.filesRead(ctx).Objects() {
		gvk, err := apiutil.GVKForObject(object, source.Scheme())
		if err == nil && gvk == of && (scope == "" || object.GetNamespace() == scope) {
			names.Insert(object.GetName())
		}
	}
	return beginning(sets.List(names), typed)
}
