package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshtls/meshtls/internal/source"
)

// addClusterFlag gives a command the flag that lays its files on top of a cluster.
func (s *input) addClusterFlag(command *cobra.Command) {
	command.Flags().BoolVar(&s.withCluster, "with-cluster", false,
		"Read the cluster too, and lay the files of -f on top, as if they had been applied. Report on the namespaces of the files.")
	before := command.PreRunE
	command.PreRunE = func(command *cobra.Command, args []string) error {
		if err := s.validFiles(); err != nil {
			return err
		}
		return before(command, args)
	}
}

// validFiles returns an error where the flags that say how files are read contradict each other.
func (s *input) validFiles() error {
	switch {
	case s.withCluster && !s.fromFiles():
		return errors.New("--with-cluster lays files on top of the cluster: name them with -f")
	case s.withCluster && s.complete:
		return errors.New("--complete says that the files are all there is, and --with-cluster that the cluster has more: use one of the two")
	default:
		return nil
	}
}

// onCluster reads the cluster and the files, and lays these on top.
func (s *input) onCluster(ctx context.Context) (*source.Reader, error) {
	mesh, err := s.base(ctx)
	if err != nil {
		return nil, err
	}
	return s.laidOn(ctx, mesh)
}

// base reads the whole cluster: what the files come to depends on all of it.
func (s *input) base(ctx context.Context) (*source.Reader, error) {
	live, err := s.client()
	if err != nil {
		return nil, err
	}
	namespace, err := s.currentNamespace()
	if err != nil {
		return nil, err
	}
	whole := *s
	whole.kinds = nil
	mesh, err := whole.load(ctx, live, namespace)
	if err != nil {
		return nil, err
	}
	if _, limited := mesh.Forbidden()[policyKind]; limited {
		return nil, fmt.Errorf("you may not list the objects of kind %s in all namespaces: what files change there cannot be told", policyKind)
	}
	return mesh, nil
}

// laidOn puts the files, and what the operator writes then, on top of the mesh.
func (s *input) laidOn(ctx context.Context, mesh *source.Reader) (*source.Reader, error) {
	namespace, err := s.currentNamespace()
	if err != nil {
		return nil, err
	}
	options := s.reading(namespace)
	options.Beside = mesh
	files, problems := source.Read(ctx, s.filenames, options)
	s.noteIgnored(files)
	s.touched = files.Touched()
	if err := mesh.Lay(files); err != nil {
		return nil, errors.Join(problems, err)
	}
	return mesh, errors.Join(problems, s.settle(ctx, mesh))
}

// reach is the namespaces that an answer is about.
type reach struct {
	// one is the namespace that was asked for; empty: no single one was.
	one string
	// touched are the namespaces of the files, where one is empty; nil: the answer is about all namespaces.
	touched []string
}

// reach returns the namespaces that were asked for.
func (s *input) reach() (reach, error) {
	scope, err := s.scope()
	if s.allNamespaces {
		return reach{}, err
	}
	return reach{one: scope, touched: s.touched}, err
}

// has reports whether the answer is about the namespace.
func (r reach) has(namespace string) bool {
	if r.one != "" {
		return r.one == namespace
	}
	return r.touched == nil || slices.Contains(r.touched, namespace)
}
