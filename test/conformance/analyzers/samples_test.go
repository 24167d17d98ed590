package analyzers

import (
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/source"
)

// deserved is the one finding that Istio's samples have earned: a port declared HTTPS, and SIMPLE for it. The sample is about calls that
// come in as HTTP at another port, and whoever calls that port with TLS, as declared, gets it wrapped once more.
var deserved = struct{ check, object string }{"destinationrule-double-tls", "DestinationRule default/originate-tls-for-googleapis"}

// TestSamples lints Istio's samples, each file and each folder by itself: they work, so what is found is a false alarm. Of a folder that
// holds several variants of an object the first counts.
func TestSamples(t *testing.T) {
	paths, objects, met := 0, 0, false
	err := filepath.WalkDir(folderOfIstio(t, "samples"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return err
		}
		reader, _ := source.Read(t.Context(), []string{path}, source.Options{})
		mesh, err := gather.Inventory(t.Context(), reader, time.Now(), gather.Options{CredentialNamespaces: reader.Namespaces()})
		if err != nil {
			return err
		}
		for _, f := range all.Findings(mesh) {
			if f.Check != deserved.check || f.Subject.String() != deserved.object {
				t.Errorf("%s: %s: %s: %s", path, f.Check, f.Subject, f.Message)
			}
			met = true
		}
		paths++
		objects += reader.Len()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files and folders, %d objects in them", paths, objects)
	if !met {
		t.Errorf("lint does not find %v", deserved)
	}
}
