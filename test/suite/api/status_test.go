package api_test

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/status"
	"github.com/meshtls/meshtls/test/worlds"
)

// hostileStatuses is how many statuses are written.
const hostileStatuses = 20

// largeSpec has a megabyte: 32 entries, each with 32 names that a certificate may have.
func largeSpec() string {
	var spec strings.Builder
	spec.WriteString("send:\n")
	for i := range 32 {
		fmt.Fprintf(&spec, "- mode: Simple\n  hosts: [h%d.example]\n  subjectAltNames:\n", i)
		for j := range 32 {
			fmt.Fprintf(&spec, "  - %d.%s\n", j, strings.Repeat("a", 1000))
		}
	}
	return spec.String()
}

var _ = Describe("a status", func() {
	for name, spec := range map[string]string{"small": `{accept: {mode: Strict}}`, "large": largeSpec()} {
		It("is taken whatever there is to say, on a "+name+" policy", func(ctx context.Context) {
			object := policy("hostile", spec)
			Expect(cluster.Create(ctx, object, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
			DeferCleanup(func(ctx context.Context) { Expect(cluster.Delete(ctx, object)).To(Succeed()) })
			for seed := range uint64(hostileStatuses) {
				told := worlds.Hostile(seed)
				want := timed(status.Of(told.Outcome, told.Mesh, told.Failures))
				content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&want)
				Expect(err).NotTo(HaveOccurred())
				object.Object["status"] = content
				Expect(cluster.Status().Update(ctx, object)).To(Succeed(), "seed %d", seed)
				var got meshtlsv1alpha1.MeshTLSPolicyStatus
				Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object["status"].(map[string]any), &got)).To(Succeed())
				Expect(got.Conditions).To(HaveLen(len(want.Conditions)), "seed %d", seed)
				Expect(got.Findings).To(Equal(want.Findings), "seed %d", seed)
			}
		})
	}
})

// timed gives the conditions the transition times that the writer of a status gives them.
func timed(s meshtlsv1alpha1.MeshTLSPolicyStatus) meshtlsv1alpha1.MeshTLSPolicyStatus {
	for i := range s.Conditions {
		s.Conditions[i].LastTransitionTime = metav1.Unix(0, 0)
	}
	return s
}
