package api_test

import (
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// place is where a rule speaks up, and what it says. A rule that several lists share is to be tried in each of them.
type place struct {
	field, message string
}

// index is what an error writes between brackets: the index in a list, or the key of a map.
var index = regexp.MustCompile(`\[[^]]*]`)

var _ = Describe("the tables of this suite", func() {
	It("have a pair for every rule of the CRD, and for none that it lacks", func() {
		var inCRD, tried []place
		for _, n := range readSchema() {
			for _, validation := range n.schema.XValidations {
				Expect(validation.Message).NotTo(BeEmpty(), "the rule %s at %s", validation.Rule, n.path)
				inCRD = append(inCRD, place{field: n.path + validation.FieldPath, message: validation.Message})
			}
		}
		for _, r := range slices.Concat(targetRules, acceptRules, sendRules, serverRules, terminateRules) {
			at := place{field: index.ReplaceAllString(r.field, "[]"), message: r.message}
			if !slices.Contains(tried, at) {
				tried = append(tried, at)
			}
		}
		Expect(tried).To(ConsistOf(inCRD))
	})
	It("have sentences that fit a terminal's error", func() {
		for _, n := range readSchema() {
			for _, validation := range n.schema.XValidations {
				Expect(len(validation.Message)).To(BeNumerically("<=", 256), validation.Message)
				Expect(strings.HasSuffix(validation.Message, ".")).To(BeFalse(), validation.Message)
			}
		}
	})
})
