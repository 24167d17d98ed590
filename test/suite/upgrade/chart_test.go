package upgrade

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/meshtls/meshtls/test/controlplane"
)

// chart is the folder of the chart, from the root of the repository.
const chart = "charts/meshtls"

// root returns the root folder of the repository.
func root() string {
	GinkgoHelper()
	folder, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	return folder
}

// run runs a program in the repository and returns what it prints, or why it fails.
func run(program string, arguments ...string) (string, error) {
	command := exec.Command(program, arguments...)
	command.Dir = root()
	command.Env = append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command, err, &stderr)
	}
	return string(output), nil
}

// helm runs Helm itself.
func helm(arguments ...string) (string, error) {
	return run("go", append([]string{"-C", "internal/tools/helm", "tool", "helm"}, arguments...)...)
}

// chartBefore returns a folder with the chart as it was before it was last changed. A clone without history has none.
func chartBefore() string {
	GinkgoHelper()
	commits, err := run("git", "rev-list", "--max-count=2", "HEAD", "--", chart)
	if err != nil {
		Skip("the history cannot be read: " + err.Error())
	}
	for commit := range strings.FieldsSeq(commits) {
		if _, err := run("git", "diff", "--quiet", commit, "--", chart); err != nil {
			return exported(commit)
		}
	}
	Skip("this clone has no history of the chart")
	return ""
}

// exported returns a folder with the chart of a commit.
func exported(commit string) string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	archive := filepath.Join(folder, "chart.tar")
	_, err := run("git", "archive", "--output", archive, commit, "--", chart)
	Expect(err).NotTo(HaveOccurred())
	_, err = run("tar", "-xf", archive, "-C", folder)
	Expect(err).NotTo(HaveOccurred())
	GinkgoWriter.Printf("the chart before is that of commit %s\n", commit)
	return filepath.Join(folder, chart)
}
