package report_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/report"
)

func TestExceptions(t *testing.T) {
	policies := []meshtlsv1alpha1.MeshTLSPolicy{
		{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "floor"},
			Spec: meshtlsv1alpha1.MeshTLSPolicySpec{Accept: &meshtlsv1alpha1.Accept{
				Floor: meshtlsv1alpha1.FloorStrict,
				FloorExceptions: []meshtlsv1alpha1.FloorException{
					{Policy: "crawler", Namespace: "shop", Until: "2027-06-01"},
					{Policy: "batch", Namespace: "shop", Until: "2027-03-01"},
					{Policy: "gone", Namespace: "bank", Until: "2027-05-01"},
					{Policy: "batch", Namespace: "shop", Ports: []int32{8080}, Until: "2027-02-19"},
				},
			}},
		},
		{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crawler"}},
		{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "batch"}},
	}
	all := report.NewExceptions(policies, metav1.Date(2027, time.February, 20, 0, 0, 0, 0, time.UTC))
	tests := map[string]struct {
		namespace string
		want      []string
		wantDue   bool
	}{
		"everywhere, what ends first on top": {
			want:    []string{"batch 2027-02-19 Ended", "batch 2027-03-01 EndsSoon", "gone 2027-05-01 NoSuchPolicy", "crawler 2027-06-01 Holds"},
			wantDue: true,
		},
		"for the policies of a namespace": {namespace: "bank", want: []string{"gone 2027-05-01 NoSuchPolicy"}, wantDue: true},
		"in a namespace without any":      {namespace: "cart"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			shown := all.In(tc.namespace)
			var got []string
			for _, e := range shown.Items {
				got = append(got, e.Policy.Name+" "+e.Until+" "+string(e.State))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("exceptions (-want +got):\n%s", diff)
			}
			if shown.Due() != tc.wantDue {
				t.Errorf("due: got %v, want %v", shown.Due(), tc.wantDue)
			}
		})
	}
}
