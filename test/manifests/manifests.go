// Package manifests reads what a test writes down of a mesh, as the plugin reads files.
package manifests

import (
	"strings"
	"testing"
	"time"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/compile"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

// Mesh is what was read.
type Mesh struct {
	Reader    *source.Reader
	Inventory model.Inventory
	Policies  []*meshtlsv1alpha1.MeshTLSPolicy
}

// Read reads YAML documents as the whole mesh at a time. A document that cannot be read ends the test.
func Read(t testing.TB, now time.Time, documents string) Mesh {
	t.Helper()
	reader, err := source.Read(t.Context(), []string{source.Stdin}, source.Options{Stdin: strings.NewReader(documents)})
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := gather.Inventory(t.Context(), reader, now, gather.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := gather.Policies(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	return Mesh{Reader: reader, Inventory: inventory, Policies: policies}
}

// Settled returns the mesh once what its policies come to is written.
func (m Mesh) Settled(t testing.TB) model.Inventory {
	t.Helper()
	settled, err := compile.Settle(m.Inventory, m.Policies)
	if err != nil {
		t.Fatal(err)
	}
	return settled.Inventory
}
