package report_test

import (
	"io"
	"strings"
	"testing"

	"github.com/meshtls/meshtls/internal/explain"
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
)

// TestGraphsQuoteWords wants no word of an answer to end a label early, and an edge to be drawn once.
func TestGraphsQuoteWords(t *testing.T) {
	t.Parallel()
	endpoint := explain.Endpoint{Outcome: istio.Refused}
	sent := explain.Outbound{Host: `a"b\c`, Port: 80, Endpoints: []explain.Endpoint{endpoint, endpoint}}
	answer := explain.Answer{
		Target:    model.ObjectRef{Kind: model.KindPod, Namespace: "shop", Name: "a"},
		Workloads: []explain.Workload{{Namespace: "shop", Example: "a-1", Pods: 3, Outbound: []explain.Outbound{sent}}},
	}
	tests := map[string]struct {
		write func(io.Writer, explain.Answer) error
		want  string
	}{
		"dot": {report.ExplanationDOT, `digraph explanation {
  rankdir=LR;
  node [shape=box];
  n0 [label="shop/a-1 and 2 more"];
  n1 [label="a\"b\\c:80"];
  n0 -> n1 [label="REFUSED", color=red];
}
`},
		"mermaid": {report.ExplanationMermaid, `flowchart LR
  n0["shop/a-1 and 2 more"]
  n1["a#quot;b\c:80"]
  n0 -->|"REFUSED"| n1
  linkStyle 0 stroke:red
`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			if err := tc.write(&got, answer); err != nil {
				t.Fatal(err)
			}
			if got.String() != tc.want {
				t.Errorf("got\n%s\nwant\n%s", &got, tc.want)
			}
		})
	}
}
