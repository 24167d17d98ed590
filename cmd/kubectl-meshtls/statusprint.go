package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/report"
	"github.com/meshtls/meshtls/internal/source"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// statusOutputs are the ways to show policies.
var statusOutputs = []string{outputTable, outputWide, outputJSON, outputYAML}

// longest is how much of a cell the table shows; wide shows all.
const longest = 48

// objectsOf returns the objects of the kinds that are rendered.
func objectsOf(ctx context.Context, reader *source.Reader) sets.Set[model.ObjectRef] {
	found := sets.New[model.ObjectRef]()
	for kind, list := range map[string]client.ObjectList{
		model.KindPeerAuthentication:  &verbatim.PeerAuthenticationList{},
		model.KindDestinationRule:     &verbatim.DestinationRuleList{},
		model.KindGateway:             &verbatim.GatewayList{},
		model.KindAuthorizationPolicy: &istiosecurityv1.AuthorizationPolicyList{},
	} {
		// The reader is in memory and knows the kinds, so neither call can fail.
		_ = reader.List(ctx, list)
		_ = apimeta.EachListItem(list, func(item runtime.Object) error {
			if object, ok := item.(client.Object); ok {
				found.Insert(model.ObjectRef{Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()})
			}
			return nil
		})
	}
	return found
}

func printStandings(out io.Writer, standings []standing, output string) error {
	switch output {
	case outputJSON, outputYAML:
		return printPolicies(out, standings, output)
	default:
		return printTable(out, standings, output == outputWide)
	}
}

// printPolicies writes the policies as kubectl get would.
func printPolicies(out io.Writer, standings []standing, output string) error {
	list := meshtlsv1alpha1.MeshTLSPolicyList{
		TypeMeta: metav1.TypeMeta{APIVersion: meshtlsv1alpha1.GroupVersion.String(), Kind: policyKind + "List"},
		Items:    []meshtlsv1alpha1.MeshTLSPolicy{},
	}
	for _, s := range standings {
		s.policy.SetGroupVersionKind(meshtlsv1alpha1.GroupVersion.WithKind(policyKind))
		list.Items = append(list.Items, s.policy)
	}
	encoded, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if output == outputYAML {
		if encoded, err = yaml.JSONToYAML(encoded); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, strings.TrimRight(string(encoded), "\n"))
	return err
}

// printTable writes a row for each policy, and below them what there is to say about those that are not ready.
func printTable(out io.Writer, standings []standing, wide bool) error {
	table := printers.GetNewTabWriter(out)
	head := []string{"NAMESPACE", "NAME", "TARGET", "ACCEPTS", "SENDS", "SERVES", "READY", "REASON", "FINDINGS"}
	if wide {
		head = append(head, "OBJECTS")
	}
	_, _ = fmt.Fprintln(table, strings.Join(head, "\t"))
	for _, s := range standings {
		_, _ = fmt.Fprintln(table, strings.Join(rowOf(s, wide), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	style := report.StyleOf(out)
	for _, s := range standings {
		if _, err := io.WriteString(out, wordsOn(s, style)); err != nil {
			return err
		}
	}
	return nil
}

func rowOf(s standing, wide bool) []string {
	is, ready := s.policy.Status, s.ready()
	row := []string{
		s.policy.Namespace, s.policy.Name, cell(is.Target, wide), cell(is.Accepts, wide), cell(is.Sends, wide), cell(is.Serves, wide),
		string(ready.Status), reasonOf(s, ready), is.FindingsSummary,
	}
	if wide {
		row = append(row, cell(is.Renders, wide))
	}
	return row
}

// reasonOf returns what keeps the policy from being ready; for one that is, how far its rollout has come, if it has one.
func reasonOf(s standing, ready metav1.Condition) string {
	switch {
	case s.isReady() && ready.Reason == meshtlsv1alpha1.ReasonRollingOut && s.policy.Status.Rollout != nil:
		return s.policy.Status.Rollout.Summary
	case s.isReady():
		return ""
	case s.remark != "" && ready.Status == metav1.ConditionTrue:
		return "Outdated"
	default:
		return ready.Reason
	}
}

func cell(words string, wide bool) string {
	letters := []rune(words)
	if wide || len(letters) <= longest {
		return words
	}
	return string(letters[:longest-1]) + "…"
}

// wordsOn say what keeps the policy from being ready, and its findings.
func wordsOn(s standing, style report.Style) string {
	var words []string
	if s.remark != "" {
		words = append(words, s.remark)
	}
	ready := s.ready()
	if ready.Status != metav1.ConditionTrue && ready.Message != "" {
		words = append(words, ready.Reason+": "+ready.Message)
	}
	for _, f := range s.policy.Status.Findings {
		if !strings.Contains(ready.Message, f.Message) {
			words = append(words, strings.TrimSpace(f.Field+" "+f.Check)+": "+f.Message)
		}
	}
	if len(words) == 0 {
		return ""
	}
	text := "\n" + s.policy.Namespace + "/" + s.policy.Name + "\n"
	for _, w := range words {
		text += report.Wrap(w, style.Width, "  ")
	}
	return text
}
