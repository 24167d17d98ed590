package release

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// folder returns that of the release, or passes the test over.
func folder(t *testing.T) string {
	t.Helper()
	name := os.Getenv("RELEASE")
	if name == "" {
		t.Skip("no release is there: make release-dry-run makes one")
	}
	return name
}

func TestChecksumsAreThoseOfAllArchives(t *testing.T) {
	release := filepath.Join(folder(t), "release")
	sums := checksums(t, release)
	for _, archive := range append(find(t, release, "*.tar.gz"), find(t, release, "*.zip")...) {
		if got, want := sums[filepath.Base(archive)], sum(t, archive); got != want {
			t.Errorf("%s: checksums.txt has %q, want %s", archive, got, want)
		}
	}
}

func TestKrewManifestNamesArchivesByTheirChecksums(t *testing.T) {
	release := filepath.Join(folder(t), "release")
	var manifest struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             struct {
			Version   string
			Platforms []struct{ URI, SHA256, Bin string }
		}
	}
	decode(t, find(t, filepath.Join(release, "krew"), "meshtls.yaml")[0], &manifest)
	if manifest.Kind != "Plugin" || manifest.Metadata.Name != "meshtls" || len(manifest.Spec.Platforms) == 0 {
		t.Errorf("got %+v, want the plugin meshtls for some platforms", manifest)
	}
	sums := checksums(t, release)
	for _, platform := range manifest.Spec.Platforms {
		if sums[filepath.Base(platform.URI)] != platform.SHA256 || !strings.HasPrefix(platform.Bin, "kubectl-meshtls") {
			t.Errorf("got %+v, want the checksum %s and the program kubectl-meshtls", platform, sums[filepath.Base(platform.URI)])
		}
	}
}

func TestCaskNamesArchivesByTheirChecksums(t *testing.T) {
	release := filepath.Join(folder(t), "release")
	cask := read(t, find(t, filepath.Join(release, "homebrew"), "*.rb")[0])
	named := 0
	for archive, checksum := range checksums(t, release) {
		if strings.HasPrefix(archive, "kubectl-meshtls") && strings.Contains(cask, checksum) {
			named++
		}
	}
	if named == 0 || !strings.Contains(cask, `binary "kubectl-meshtls"`) {
		t.Errorf("got this cask, want one with the checksums of the plugin's archives and its program:\n%s", cask)
	}
}

// TestProgramsAreStampedAndStripped unpacks the archives of this machine.
func TestProgramsAreStampedAndStripped(t *testing.T) {
	release := filepath.Join(folder(t), "release")
	for program, arguments := range map[string][]string{"kubectl-meshtls": {"version", "--client"}, "manager": {"--version"}} {
		archive := find(t, release, fmt.Sprintf("%s_*_%s_%s.tar.gz", program, runtime.GOOS, runtime.GOARCH))[0]
		unpacked := unpack(t, archive, program)
		output, err := exec.CommandContext(t.Context(), unpacked, arguments...).Output() // #nosec G204 -- what was just built
		if err != nil || !strings.HasPrefix(string(output), program+" v") || strings.Contains(string(output), "devel") {
			t.Errorf("%s says %q, %v; want its version", program, output, err)
		}
		object, err := elf.Open(unpacked)
		if err != nil {
			t.Fatal(err)
		}
		if symbols, err := object.Symbols(); err == nil {
			t.Errorf("%s has %d symbols, want none", program, len(symbols))
		}
		archived, _ := os.Stat(archive)
		program, _ := os.Stat(unpacked)
		t.Logf("%s: %d MB, %d MB to download", program.Name(), program.Size()/1e6, archived.Size()/1e6)
	}
}

func TestProgramsHaveBills(t *testing.T) {
	release := filepath.Join(folder(t), "release")
	for _, program := range []string{"kubectl-meshtls", "manager"} {
		var bill struct {
			BOMFormat  string
			Components []struct{ Name string }
		}
		decode(t, find(t, release, program+"_*.sbom.json")[0], &bill)
		if bill.BOMFormat != "CycloneDX" || len(bill.Components) < 20 {
			t.Errorf("%s: got %s with %d modules, want CycloneDX with those that it was built from", program, bill.BOMFormat, len(bill.Components))
		}
	}
}

func TestImagesAreBuiltWithTheirBills(t *testing.T) {
	release := folder(t)
	var index struct{ Manifests []struct{ Digest string } }
	decode(t, filepath.Join(release, "oci", "index.json"), &index)
	if len(index.Manifests) != 2 {
		t.Errorf("got %d images, want those of the operator and of the plugin", len(index.Manifests))
	}
	for _, program := range []string{"kubectl-meshtls", "manager"} {
		var bill struct {
			SPDXVersion string
			Packages    []struct{ Name string }
		}
		decode(t, find(t, filepath.Join(release, "sbom"), program+"*.spdx.json")[0], &bill)
		if bill.SPDXVersion == "" || len(bill.Packages) < 20 {
			t.Errorf("%s: got SPDX %q with %d packages, want the modules of the program", program, bill.SPDXVersion, len(bill.Packages))
		}
	}
}

func TestManifestsAndChartNameOneVersion(t *testing.T) {
	release := folder(t)
	var chart struct{ Version, AppVersion string }
	decode(t, filepath.Join("..", "..", "charts", "meshtls", "Chart.yaml"), &chart)
	if install := read(t, filepath.Join(release, "install.yaml")); !strings.Contains(install, "/manager:"+chart.AppVersion+"\n") {
		t.Errorf("install.yaml has no image of version %s", chart.AppVersion)
	}
	unpack(t, filepath.Join(release, "meshtls-"+chart.Version+".tgz"), "meshtls/values.schema.json")
}

// checksums returns those that checksums.txt lists, by file.
func checksums(t *testing.T, release string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for scanner := bufio.NewScanner(strings.NewReader(read(t, filepath.Join(release, "checksums.txt")))); scanner.Scan(); {
		fields := strings.Fields(scanner.Text())
		sums[fields[1]] = fields[0]
	}
	if len(sums) == 0 {
		t.Fatal("checksums.txt is empty")
	}
	return sums
}

func sum(t *testing.T, path string) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, path))))
}

// find returns the files below the folder whose names match: there must be one.
func find(t *testing.T, folder, pattern string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if matches, _ := filepath.Match(pattern, entry.Name()); matches && !entry.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	if err != nil || len(found) == 0 && pattern != "*.zip" {
		t.Fatalf("there is no %s in %s: %v", pattern, folder, err)
	}
	return found
}

// unpack returns the path of a file of an archive.
func unpack(t *testing.T, archive, name string) string {
	t.Helper()
	compressed, err := gzip.NewReader(strings.NewReader(read(t, archive)))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(compressed); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("%s has no %s", archive, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == name {
			content, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), filepath.Base(name))
			if err := os.WriteFile(path, content, 0o700); err != nil { // #nosec G306 -- it is run
				t.Fatal(err)
			}
			return path
		}
	}
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	text := []byte(read(t, path))
	var err error
	if strings.HasSuffix(path, ".json") {
		err = json.Unmarshal(text, into)
	} else {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
