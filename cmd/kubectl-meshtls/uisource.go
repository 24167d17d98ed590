package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/screens"
	"github.com/meshtls/meshtls/internal/source"
)

// meshSource reads the mesh for the page.
type meshSource struct {
	objects  *input
	mayApply bool
}

// Read reads everything once. What the commands would note on the standard error becomes notes of the page.
func (m *meshSource) Read(ctx context.Context) (screens.World, error) {
	var notes bytes.Buffer
	objects := *m.objects
	objects.streams.ErrOut = &notes
	objects.credentials = true
	reader, problems := objects.reader(ctx)
	if reader == nil {
		return screens.World{}, problems
	}
	// What is read is limited by the user's rights; what is shown is all that was read.
	objects.allNamespaces = true
	world, err := objects.world(ctx, reader)
	if err != nil {
		return screens.World{}, err
	}
	world.Report.Problems = problemsOf(problems)
	world.Source, err = m.named(reader)
	world.Source.Notes = noted(notes.String())
	return world, err
}

// world returns what the page knows of what was read.
func (s *input) world(ctx context.Context, reader *source.Reader) (screens.World, error) {
	var (
		world screens.World
		err   error
	)
	if world.Inventory, err = s.inventory(ctx, reader); err != nil {
		return world, err
	}
	if world.Policies, err = gather.Policies(ctx, reader); err != nil {
		return world, err
	}
	if s.fromFiles() {
		if err := s.foretell(ctx, reader, world.Policies); err != nil {
			return world, err
		}
	}
	if world.Report, err = s.lint(ctx, reader, sourceFlags{}); err != nil {
		return world, err
	}
	if world.Jobs, err = s.jobs(ctx, reader); err != nil {
		return world, err
	}
	world.Pods, err = s.pods(ctx, reader)
	return world, err
}

// foretell gives policies of manifests the status that the operator would write.
func (s *input) foretell(ctx context.Context, reader *source.Reader, policies []*meshtlsv1alpha1.MeshTLSPolicy) error {
	statuses, err := s.statuses(ctx, reader)
	if err != nil {
		return err
	}
	for _, policy := range policies {
		policy.Status = statuses[policy.Namespace+"/"+policy.Name]
	}
	return nil
}

// named says where the objects come from.
func (m *meshSource) named(reader *source.Reader) (screens.Source, error) {
	if m.objects.fromFiles() {
		return screens.Source{Name: strings.Join(m.objects.paths(), ", "), Files: true}, nil
	}
	config, err := m.objects.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return screens.Source{}, err
	}
	name := config.CurrentContext
	if flag := m.objects.kube.Context; flag != nil && *flag != "" {
		name = *flag
	}
	missing := reader.Missing()
	return screens.Source{
		Name: name, MayApply: m.mayApply,
		NoIstio: missing.Has(model.KindPeerAuthentication), NoPolicies: missing.Has(policyKind),
	}, nil
}

// noted returns the notes as full sentences.
func noted(notes string) []string {
	var all []string
	for line := range strings.Lines(notes) {
		words := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "note: "), ".")
		if words != "" {
			all = append(all, strings.ToUpper(words[:1])+words[1:]+".")
		}
	}
	return all
}

// looksAtFilesEvery is how often manifests are looked at for changes.
const looksAtFilesEvery = time.Second

// Watch calls changed when files, or objects of the cluster, change.
func (m *meshSource) Watch(ctx context.Context, changed func()) {
	if !m.objects.fromFiles() {
		m.watchCluster(ctx, changed)
		return
	}
	before := fingerprint(m.objects.paths())
	every := time.NewTicker(looksAtFilesEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if now := fingerprint(m.objects.paths()); now != before {
				before = now
				changed()
			}
		}
	}
}

// fingerprint returns another one after each change of the files.
func fingerprint(paths []string) string {
	var marks strings.Builder
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := os.Stat(file)
			if err == nil {
				_, _ = fmt.Fprintln(&marks, file, info.Size(), info.ModTime().UnixNano())
			}
			return err
		})
	}
	return marks.String()
}
