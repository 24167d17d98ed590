package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/source"
)

var found = []model.Finding{
	{
		Check: "destinationrule-tls-without-mode", Severity: meshtlsv1alpha1.SeverityWarning,
		Subject: model.ObjectRef{Kind: model.KindDestinationRule, Namespace: "shop", Name: "b"},
		Message: "It is so.", Remedy: "Change it.", Field: "spec.trafficPolicy.tls",
	},
	{
		Check: "accept-conflict", Severity: meshtlsv1alpha1.SeverityInfo, Subject: model.ObjectRef{Kind: model.KindPolicy, Namespace: "shop", Name: "a"},
		Related: model.ObjectRef{Kind: model.KindPeerAuthentication, Namespace: "shop", Name: "b"}, Message: "Worth knowing.",
	},
	{
		Check: "webhook-refused", Severity: meshtlsv1alpha1.SeverityError,
		Subject: model.ObjectRef{Kind: model.KindMutatingWebhook, Name: "all"}, Message: "It fails.", Remedy: "Let it in.",
	},
	{
		Check: "destinationrule-tls-without-mode", Severity: meshtlsv1alpha1.SeverityError,
		Subject: model.ObjectRef{Kind: model.KindDestinationRule, Namespace: "shop", Name: "b"}, Message: "It is worse.",
	},
}

// places knows where the DestinationRule is written.
func places(object model.ObjectRef, field string) (source.Place, bool) {
	place := source.Place{File: "a b/shop.yaml", Document: 2, Line: 7 + len(strings.Split(field, "."))}
	return place, object.Kind == model.KindDestinationRule
}

func TestNewOrdersByObjectAndSeverity(t *testing.T) {
	r := New(found, places)
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Object.String()+": "+string(f.Severity))
	}
	want := []string{
		"MutatingWebhookConfiguration all: Error", "DestinationRule shop/b: Error", "DestinationRule shop/b: Warning", "MeshTLSPolicy shop/a: Info",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Summary{Errors: 2, Warnings: 1, Infos: 1}, r.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if related := r.Findings[3].Related; related == nil || related.String() != "PeerAuthentication shop/b" {
		t.Errorf("got %v, want the other object of a policy's finding", related)
	}
}

func TestText(t *testing.T) {
	tests := map[string]struct {
		style Style
		want  string
	}{
		"in lines that are not too long": {
			style: Style{Width: 24},
			want: "MutatingWebhookConfiguration all\n  error    webhook-refused\n    It fails.\n    Fix: Let it in.\n\n" +
				"DestinationRule shop/b\n  error    destinationrule-tls-without-mode  a b/shop.yaml:8\n    It is worse.\n\n" +
				"  warning  destinationrule-tls-without-mode  spec.trafficPolicy.tls  a b/shop.yaml:10\n    It is so.\n    Fix: Change it.\n\n" +
				"MeshTLSPolicy shop/a\n  info     accept-conflict\n    Worth knowing.\n\n" +
				"2 errors, 1 warning, 1 info in 0 MeshTLSPolicies and 0 Istio objects.\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Text(&out, New(found, places), tc.style); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextIsColouredOnlyWhereAsked(t *testing.T) {
	for _, coloured := range []bool{true, false} {
		var out bytes.Buffer
		if err := Text(&out, New(found, places), Style{Width: 80, Colour: coloured}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), red); got != coloured {
			t.Errorf("colours: got %t, want %t", got, coloured)
		}
	}
	if style := StyleOf(&bytes.Buffer{}); style.Colour || style.Width != defaultWidth {
		t.Errorf("got %+v for what is no terminal, want no colours and the default width", style)
	}
}

func TestWrap(t *testing.T) {
	tests := map[string]struct {
		words string
		want  string
	}{
		"nothing":                      {want: "  \n"},
		"what fits":                    {words: "one two", want: "  one two\n"},
		"what does not fit":            {words: "one two three", want: "  one two\n  three\n"},
		"a word longer than the lines": {words: "a spec.trafficPolicy b", want: "  a\n  spec.trafficPolicy\n  b\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Wrap(tc.words, 10, "  ")); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSARIFIsValid holds what is written to the schema of SARIF 2.1.0, which the library carries.
func TestSARIFIsValid(t *testing.T) {
	problems := []Problem{{File: "bad.yaml", Document: 3, Line: 12, Message: "apiVersion is missing"}, {File: "absent.yaml", Message: "no such file"}}
	tests := map[string]Report{
		"findings":             New(found, places),
		"nothing found":        New(nil, places),
		"what cannot be read":  {Problems: problems},
		"findings and no file": New(found[2:3], places),
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			if err := sarifOf(r, "v1").Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSARIF(t *testing.T) {
	var out bytes.Buffer
	if err := SARIF(&out, New(found, places), "v1"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID               string
						HelpURI          string
						ShortDescription struct{ Text string }
						Help             struct{ Markdown string }
					}
				}
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				Level               string
				PartialFingerprints map[string]string
				Locations           []struct {
					PhysicalLocation *struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	run := got.Runs[0]
	fingerprints := map[string]bool{}
	for i, result := range run.Results {
		if rule := run.Tool.Driver.Rules[result.RuleIndex]; rule.ID != result.RuleID {
			t.Errorf("result %d is of rule %s, and its index leads to %s", i, result.RuleID, rule.ID)
		}
		for _, fingerprint := range result.PartialFingerprints {
			fingerprints[fingerprint] = true
		}
	}
	if len(fingerprints) != len(found) {
		t.Errorf("got %d fingerprints, want %d: one for each finding", len(fingerprints), len(found))
	}
	for _, rule := range run.Tool.Driver.Rules {
		if rule.HelpURI != helpPage+rule.ID || !strings.HasPrefix(rule.ShortDescription.Text, "Finds ") || !strings.Contains(rule.Help.Markdown, "**Fix.**") {
			t.Errorf("rule %s is not explained: %+v", rule.ID, rule)
		}
	}
	place := run.Results[1].Locations[0].PhysicalLocation
	if place == nil || place.ArtifactLocation.URI != "a%20b/shop.yaml" || place.Region.StartLine != 8 || run.Results[1].Level != "error" {
		t.Errorf("got %+v at %+v, want the error at line 8 of the file, as a URI", run.Results[1], place)
	}
	if place := run.Results[0].Locations[0].PhysicalLocation; place != nil {
		t.Errorf("got a file for what comes from none: %+v", place)
	}
}

// TestEveryCheckIsExplained wants a section that a rule can be made of.
func TestEveryCheckIsExplained(t *testing.T) {
	var names []string
	for _, about := range all.About() {
		names = append(names, about.Name)
	}
	for _, name := range names {
		if rule := ruleOf(name); rule.ShortDescription == nil || rule.Help == nil {
			t.Errorf("check %s: docs/findings.md has no section that says what it finds", name)
		}
	}
}

// TestJSONIsDocumented wants a row of docs/cli.md for each field.
func TestJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(fieldsOf(reflect.TypeFor[Report](), ""), "version") {
		if !bytes.Contains(page, []byte("| `"+path+"` |")) {
			t.Errorf("docs/cli.md has no row for the field %s", path)
		}
	}
	if !bytes.Contains(page, []byte("`"+Version+"`")) {
		t.Errorf("docs/cli.md does not name the version %s", Version)
	}
}

// fieldsOf returns the paths of all fields as the page writes them, such as findings[].object.kind. Embedded fields have no path of
// their own.
func fieldsOf(of reflect.Type, prefix string) []string {
	switch of.Kind() {
	case reflect.Pointer:
		return fieldsOf(of.Elem(), prefix)
	case reflect.Slice:
		return fieldsOf(of.Elem(), strings.TrimSuffix(prefix, ".")+"[].")
	case reflect.Struct:
		var all []string
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			if of.Field(i).Anonymous {
				all = append(all, fieldsOf(of.Field(i).Type, prefix)...)
				continue
			}
			all = append(all, prefix+name)
			all = append(all, fieldsOf(of.Field(i).Type, prefix+name+".")...)
		}
		return all
	default:
		return nil
	}
}
