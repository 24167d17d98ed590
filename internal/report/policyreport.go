package report

import (
	"fmt"
	"io"
	"maps"
	"slices"

	reportsapi "github.com/openreports/reports-api/apis/openreports.io/v1alpha1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

const (
	// policyReportAPI is the API of the Kubernetes policy working group that PolicyReports are of. Its successor, OpenReports, has the same
	// fields, and the source of the report besides.
	policyReportAPI, policyReportKind = "wgpolicyk8s.io/v1alpha2", "PolicyReport"
	// reportName is the name of ours in each namespace: a later report takes the place of an earlier one.
	reportName = "meshtls"
)

// PolicyReports writes a PolicyReport for each namespace that was looked at, as YAML documents that kubectl apply takes: also for one that
// has no findings, so that what an earlier report said is gone. Objects that have no namespace are left out: they are not of a namespace's
// report. There is no timestamp: the same findings give the same bytes.
func PolicyReports(out io.Writer, r Report) error {
	byNamespace := map[string]*reportsapi.Report{}
	for _, namespace := range r.Namespaces {
		byNamespace[namespace] = &reportsapi.Report{}
	}
	for _, f := range r.Findings {
		if f.Object.Namespace == "" {
			continue
		}
		if byNamespace[f.Object.Namespace] == nil {
			byNamespace[f.Object.Namespace] = &reportsapi.Report{}
		}
		addResult(byNamespace[f.Object.Namespace], f)
	}
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		if err := writePolicyReport(out, namespace, byNamespace[namespace]); err != nil {
			return err
		}
	}
	return nil
}

func writePolicyReport(out io.Writer, namespace string, report *reportsapi.Report) error {
	report.APIVersion, report.Kind = policyReportAPI, policyReportKind
	report.Namespace, report.Name = namespace, reportName
	report.Labels = map[string]string{meshtlsv1alpha1.LabelManagedBy: meshtlsv1alpha1.ManagedBy}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(report)
	if err != nil {
		return fmt.Errorf("writing the PolicyReport of namespace %s: %w", namespace, err)
	}
	delete(content, "source") // of OpenReports alone
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	results, _, _ := unstructured.NestedSlice(content, "results")
	for _, result := range results {
		delete(result.(map[string]any), "timestamp")
	}
	content["results"] = append([]any{}, results...) // an empty list where there is none: null is refused
	document, err := yaml.Marshal(content)
	if err != nil {
		return fmt.Errorf("writing the PolicyReport of namespace %s: %w", namespace, err)
	}
	_, err = fmt.Fprintf(out, "---\n%s", document)
	return err
}

// addResult adds the finding, and counts it: an error as failed, and all else as a warning, of which an info is the least.
func addResult(report *reportsapi.Report, f Finding) {
	result := reportsapi.ReportResult{
		Source: toolName, Policy: f.Check, Category: "TLS", Result: "warn", Severity: "info", Description: f.Message,
		Subjects: []corev1.ObjectReference{{
			APIVersion: apiVersions[f.Object.Kind], Kind: f.Object.Kind, Namespace: f.Object.Namespace, Name: f.Object.Name, FieldPath: f.Field,
		}},
		Properties: map[string]string{"help": f.Help},
	}
	if f.Remedy != "" {
		result.Description += " " + f.Remedy
	}
	switch f.Severity {
	case meshtlsv1alpha1.SeverityError:
		result.Result, result.Severity = "fail", "high"
		report.Summary.Fail++
	case meshtlsv1alpha1.SeverityWarning:
		result.Severity = "medium"
		report.Summary.Warn++
	default:
		report.Summary.Warn++
	}
	report.Results = append(report.Results, result)
}

// apiVersions are those of the kinds that findings are about; empty: the kind alone is told.
var apiVersions = map[string]string{
	model.KindPolicy:             meshtlsv1alpha1.GroupVersion.String(),
	model.KindPeerAuthentication: istiosecurityv1.SchemeGroupVersion.String(),
	model.KindDestinationRule:    istionetworkingv1.SchemeGroupVersion.String(),
	model.KindGateway:            istionetworkingv1.SchemeGroupVersion.String(),
	model.KindVirtualService:     istionetworkingv1.SchemeGroupVersion.String(),
	model.KindServiceEntry:       istionetworkingv1.SchemeGroupVersion.String(),
	model.KindWorkloadEntry:      istionetworkingv1.SchemeGroupVersion.String(),
	model.KindSidecar:            istionetworkingv1.SchemeGroupVersion.String(),
	model.KindService:            corev1.SchemeGroupVersion.String(),
	model.KindPod:                corev1.SchemeGroupVersion.String(),
	model.KindSecret:             corev1.SchemeGroupVersion.String(),
	model.KindConfigMap:          corev1.SchemeGroupVersion.String(),
}
