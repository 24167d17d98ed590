package screens

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/test/manifests"
)

// worldOf returns the world of the documents once the operator has come to rest.
func worldOf(t *testing.T, documents string) World {
	t.Helper()
	read := manifests.Read(t, time.Now(), "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}\n"+documents)
	return World{Inventory: read.Settled(t), Policies: read.Policies, Report: report.New(nil, read.Reader.Place)}
}

// TestCompareNamesWhomAPreviewNames wants a change made in a file to refuse whom the page's preview of the same change names.
func TestCompareNamesWhomAPreviewNames(t *testing.T) {
	t.Parallel()
	mesh := deployment("catalog", true, 8080) + deployment("frontend", true, 8000) + disableAll
	page := NewPage(worldOf(t, mesh))
	preview, err := page.Preview(Change{Namespace: "shop", Name: "catalog", Mode: meshtlsv1alpha1.AcceptStrict, Way: WayAtOnce}, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := worldOf(t, mesh+"---\n"+preview.YAML)
	var previewed, compared []string
	for _, r := range preview.Refused {
		previewed = append(previewed, r.Who)
	}
	for _, c := range Compare(page.World, after).Refused() {
		compared = append(compared, c.Client)
	}
	if len(previewed) == 0 || !slices.ContainsFunc(compared, func(who string) bool { return slices.Contains(previewed, who) }) {
		t.Errorf("the preview names %v, and the difference %v", previewed, compared)
	}
}

// TestCompareAsksEachClientWhereARuleSelects wants a client to be found that has a rule of its own before and another one after.
func TestCompareAsksEachClientWhereARuleSelects(t *testing.T) {
	t.Parallel()
	rule := func(app string) string {
		return "---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: legacy, namespace: shop}, spec: {host: catalog.shop.svc.cluster.local,\n" +
			"  workloadSelector: {matchLabels: {app: " + app + "}}, trafficPolicy: {tls: {mode: DISABLE}}}}\n"
	}
	mesh := deployment("catalog", true, 8080) + deployment("a", true, 8000) + deployment("b", true, 8000) + deployment("c", true, 8000) + strictAll
	var got []string
	for _, c := range Compare(worldOf(t, mesh+rule("b")), worldOf(t, mesh+rule("c"))).Calls {
		got = append(got, c.Client+" "+string(c.Before)+" "+string(c.After))
	}
	if diff := cmp.Diff([]string{"shop/c MutualTLS Refused", "shop/b Refused MutualTLS"}, got); diff != "" {
		t.Errorf("the calls differ (-want +got):\n%s", diff)
	}
}

// TestCompareFindsNothing compares a world with itself.
func TestCompareFindsNothing(t *testing.T) {
	t.Parallel()
	mesh := deployment("catalog", true, 8080) + deployment("frontend", true, 8000) + policy + disableAll
	if d := Compare(worldOf(t, mesh), worldOf(t, mesh)); !d.None() {
		t.Errorf("got %+v", d)
	}
}
