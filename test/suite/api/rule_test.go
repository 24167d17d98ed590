package api_test

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rule is a static rule of the API with a pair of specs, one on each side of it.
type rule struct {
	// name is what the rule forbids.
	name string
	// field is the field that the error names, and message what it says.
	field   string
	message string
	// accepts is a spec that the rule lets in, refuses one that only this rule keeps out.
	accepts string
	refuses string
}

// describe writes two specs for each of the rules.
func describe(rules []rule) {
	for _, r := range rules {
		Describe(r.name, func() {
			It("is refused with a sentence at its field", func(ctx context.Context) {
				_, err := submit(ctx, r.refuses)
				Expect(causes(err)).To(ConsistOf(And(
					HaveField("Field", r.field),
					HaveField("Message", HaveSuffix(": "+r.message)),
				)))
			})
			It("is not what a right policy does", func(ctx context.Context) {
				_, err := submit(ctx, r.accepts)
				Expect(err).NotTo(HaveOccurred())
			})
		})
	}
}

// causes returns the fields that an error of the API server names, each with its message.
func causes(err error) []metav1.StatusCause {
	GinkgoHelper()
	Expect(err).To(HaveOccurred(), "the policy was admitted")
	var refusal *apierrors.StatusError
	Expect(errors.As(err, &refusal)).To(BeTrue(), "not an answer of the API server: %v", err)
	Expect(refusal.ErrStatus.Details).NotTo(BeNil(), "an answer without details: %v", err)
	return refusal.ErrStatus.Details.Causes
}

// each makes a rule for each of the places that have it.
func each(places []string, ruleAt func(place string) rule) []rule {
	rules := make([]rule, 0, len(places))
	for _, place := range places {
		rules = append(rules, ruleAt(place))
	}
	return rules
}
