package analyzers

import (
	"bytes"
	"testing"

	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
)

// analyzed returns what Istio's analyzers say about the manifests.
func analyzed(t *testing.T, file string, manifest []byte) diag.Messages {
	t.Helper()
	analyzer := local.NewSourceAnalyzer(analyzers.AllCombined(), "", "istio-system", nil)
	source := local.ReaderSource{Name: file, Reader: bytes.NewReader(manifest)}
	// An error is about documents that Istio's reader passes over, which some of its inputs hold on purpose.
	_ = analyzer.AddTestReaderKubeSource([]local.ReaderSource{source})
	result, err := analyzer.Analyze(t.Context().Done())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return result.Messages
}
