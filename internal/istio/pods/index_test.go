package pods_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/istio/pods"
	"github.com/meshtls/meshtls/internal/model"
)

func TestIndexSelected(t *testing.T) {
	t.Parallel()
	index := pods.NewIndex([]*model.Workload{
		{Example: "a-v1", Count: 2, Labels: map[string]string{"app": "a", "version": "v1"}},
		{Example: "a-v2", Count: 3, Labels: map[string]string{"app": "a", "version": "v2"}},
		{Example: "b-v1", Count: 1, Labels: map[string]string{"app": "b", "version": "v1"}},
	})
	tests := map[string]struct {
		selector map[string]string
		want     []string
	}{
		"nothing asked selects all":        {selector: nil, want: []string{"a-v1", "a-v2", "b-v1"}},
		"one label":                        {selector: map[string]string{"app": "a"}, want: []string{"a-v1", "a-v2"}},
		"all labels must match":            {selector: map[string]string{"app": "a", "version": "v1"}, want: []string{"a-v1"}},
		"a value that no pod has":          {selector: map[string]string{"app": "c"}, want: nil},
		"labels that no pod has together":  {selector: map[string]string{"app": "b", "version": "v2"}, want: nil},
		"an empty value is not a wildcard": {selector: map[string]string{"app": ""}, want: nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, w := range index.Selected(tc.selector) {
				got = append(got, w.Example)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
		})
	}
}
