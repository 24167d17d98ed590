package model_test

import (
	"slices"
	"testing"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestSoften(t *testing.T) {
	t.Parallel()
	held := []model.ObjectRef{
		{Kind: model.KindService, Namespace: "shop", Name: "checkout"}, {Kind: model.KindService, Namespace: "sales", Name: "orders"},
		{Kind: model.KindPod, Namespace: "shop", Name: "checkout-1"},
	}
	absent := func(kind, namespace, name string) model.ObjectRef {
		return model.ObjectRef{Kind: kind, Namespace: namespace, Name: name}
	}
	tests := map[string]struct {
		files  *model.Files
		absent model.ObjectRef
		want   meshtlsv1alpha1.Severity
	}{
		"what exists stays as it is":                   {files: model.NewFiles(slices.Values(held)), want: meshtlsv1alpha1.SeverityError},
		"all of a mesh is known":                       {absent: absent(model.KindService, "dev", "a"), want: meshtlsv1alpha1.SeverityError},
		"others of the kind are in the namespace":      {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindService, "shop", "a"), want: meshtlsv1alpha1.SeverityError},
		"the name is in another namespace":             {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindService, "dev", "orders"), want: meshtlsv1alpha1.SeverityError},
		"another kind has the name":                    {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindServiceEntry, "dev", "orders"), want: meshtlsv1alpha1.SeverityInfo},
		"any object of the kind, where there are some": {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindPod, "shop", ""), want: meshtlsv1alpha1.SeverityError},
		"any object of the kind, where there is none":  {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindPod, "dev", ""), want: meshtlsv1alpha1.SeverityInfo},
		"a gateway, where pods are of applications":    {files: model.NewFiles(slices.Values(held)), absent: absent(model.KindPod, "", ""), want: meshtlsv1alpha1.SeverityInfo},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := model.Finding{
				Severity: meshtlsv1alpha1.SeverityError, Condition: meshtlsv1alpha1.ConditionResolvedRefs,
				Reason: meshtlsv1alpha1.ReasonServiceNotFound, Message: "It does not exist.", Absent: tc.absent,
			}
			got := tc.files.Soften(found)
			if got.Severity != tc.want {
				t.Errorf("got %s, want %s", got.Severity, tc.want)
			}
			softened := got.Severity == meshtlsv1alpha1.SeverityInfo
			if softened != (got.Reason == meshtlsv1alpha1.ReasonNotInFiles) || softened != (got.Message != found.Message) {
				t.Errorf("got the reason %s and %q", got.Reason, got.Message)
			}
		})
	}
}
