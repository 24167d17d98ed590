package api_test

import (
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// place is where a rule speaks up, and what it says. A rule that several lists share is to be tried in each of them.
type place struct {
	field, message string
}

// index is what an error writes between brackets: the index in a list, or the key of a map.
var index = regexp.MustCompile(`\[[^]]*]`)

// literal is a text in an expression. Those with a space are sentences; the others are values of enums.
var literal = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'`)

// sentences returns what a rule can say. Rules that ask about the same fields are one, whose expression finds the sentence: each rule, and
// each field that it looks at, costs the API server time with every write, that of a status included.
func sentences(validation apiextensionsv1.ValidationRule) []string {
	if validation.Message != "" {
		return []string{validation.Message}
	}
	var found []string
	for _, match := range literal.FindAllStringSubmatch(validation.MessageExpression, -1) {
		if strings.Contains(match[1], " ") {
			found = append(found, strings.ReplaceAll(match[1], `\'`, `'`))
		}
	}
	return found
}

var _ = Describe("the tables of this suite", func() {
	It("have a pair for every rule of the CRD, and for none that it lacks", func() {
		var inCRD, tried []place
		for _, n := range readSchema() {
			for _, validation := range n.schema.XValidations {
				said := sentences(validation)
				Expect(said).NotTo(BeEmpty(), "the rule %s at %s", validation.Rule, n.path)
				for _, sentence := range said {
					inCRD = append(inCRD, place{field: n.path + validation.FieldPath, message: sentence})
				}
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
				for _, sentence := range sentences(validation) {
					Expect(len(sentence)).To(BeNumerically("<=", 256), sentence)
					Expect(strings.HasSuffix(sentence, ".")).To(BeFalse(), sentence)
				}
			}
		}
	})
})
