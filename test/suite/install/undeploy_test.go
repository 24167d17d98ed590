package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// stub is a kubectl with a cluster of three policies and two Istio objects that were written for them; Gateways are not installed.
const stub = `#!/bin/sh
case "$*" in
*"customresourcedefinition gateways"*) ;;
*customresourcedefinition*) echo crd/any ;;
*meshtlspolicies*) printf 'a\nb\nc\n' ;;
*peerauthentications*) echo a ;;
*destinationrules*) echo b ;;
esac
`

// askBeforeLoss returns what make undeploy and make uninstall ask first, with this kubectl and this answer.
func askBeforeLoss(kubectl, answer string, variables ...string) (string, error) {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	Expect(os.WriteFile(filepath.Join(folder, "kubectl"), []byte(kubectl), 0o700)).To(Succeed()) // #nosec G306 -- it is run
	command := exec.Command("make", append([]string{"-C", path("."), "ask-before-loss"}, variables...)...)
	command.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	command.Stdin = strings.NewReader(answer)
	output, err := command.CombinedOutput()
	return string(output), err
}

var _ = Describe("What takes the CRD away", func() {
	const counts = "This removes the CRD, 3 MeshTLSPolicies, and 2 Istio objects that were written for them"

	DescribeTable("counts what would be lost, and asks", func(answer string, goesOn bool, variables ...string) {
		output, err := askBeforeLoss(stub, answer, variables...)
		Expect(output).To(ContainSubstring(counts))
		if goesOn {
			Expect(err).NotTo(HaveOccurred(), output)
		} else {
			Expect(err).To(HaveOccurred())
			Expect(output).To(ContainSubstring("Nothing was removed. Scripts say YES=1."))
		}
	},
		Entry("and goes on with yes", "yes\n", true),
		Entry("and stops with no", "no\n", false),
		Entry("and stops where nobody answers", "", false),
		Entry("and goes on for a script", "", true, "YES=1"),
	)

	It("does not ask where there is no CRD", func() {
		output, err := askBeforeLoss("#!/bin/sh\n", "")
		Expect(err).NotTo(HaveOccurred(), output)
		Expect(output).To(ContainSubstring("The CRD is not there"))
	})

	It("stops where the cluster cannot be asked", func() {
		output, err := askBeforeLoss("#!/bin/sh\necho no cluster >&2\nexit 1\n", "yes\n", "YES=1")
		Expect(err).To(HaveOccurred(), output)
	})

	It("is asked first by both targets", func() {
		for _, target := range []string{"undeploy", "uninstall"} {
			text, err := os.ReadFile(path("Makefile"))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).To(ContainSubstring("\n" + target + ": ask-before-loss "))
		}
	})
})
