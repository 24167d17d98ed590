package main

import (
	"strings"
	"testing"
)

// TestExplain runs explain over manifests, and compares what it prints with testdata/explain/<name>.stdout and .stderr.
func TestExplain(t *testing.T) {
	tests := map[string]struct {
		args string
		want int
	}{
		"workload":            {args: "deployment/catalog.shop -f ../../config/samples"},
		"workload-port":       {args: "deployment/catalog -n shop -p 9102 -f ../../config/samples"},
		"workload-to":         {args: "deployment/frontend.shop --to tax.partner.example -f ../../config/samples"},
		"gateway":             {args: "deployment/istio-ingressgateway -f ../../config/samples"},
		"json":                {args: "service/payments.shop -f testdata/in/policies.yaml -o json"},
		"unknown-workload":    {args: "deployment/payment.shop -f testdata/in/policies.yaml", want: exitFailure},
		"unknown-port":        {args: "deployment/payments.shop -p 80 -f testdata/in/policies.yaml", want: exitFailure},
		"unknown-destination": {args: "deployment/payments.shop --to paymants -f testdata/in/policies.yaml", want: exitFailure},
		"malformed-target":    {args: "payments -f testdata/in/policies.yaml", want: exitFailure},
		"unknown-kind":        {args: "secret/shop -f testdata/in/policies.yaml", want: exitFailure},
		"policy":              {args: "mtp/payments-api.payments -f ../../config/samples"},
		"policy-json":         {args: "mtp/payments.shop -f testdata/in/policies.yaml -o json"},
		"unknown-policy":      {args: "mtp/payment -n shop -f testdata/in/policies.yaml", want: exitFailure},
		"namespace":           {args: "ns/shop -f testdata/in/policies.yaml"},
		"unknown-namespace":   {args: "ns/shpo -f testdata/in/policies.yaml", want: exitFailure},
		"service-port":        {args: "service/payments.payments -p 80 -f ../../config/samples"},
		"no-target":           {args: "-f testdata/in/policies.yaml", want: exitFailure},
		"no-port":             {args: "deployment/payments.shop -p 65536 -f testdata/in/policies.yaml", want: exitFailure},
		"to-and-all":          {args: "deployment/payments.shop --to a --all -f testdata/in/policies.yaml", want: exitFailure},
		"unknown-output":      {args: "deployment/payments.shop -o wide -f testdata/in/policies.yaml", want: exitFailure},
		"bad-documents":       {args: "deployment/payments.shop -f testdata/in/bad.yaml", want: exitFailure},
		"help":                {args: "--help"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := call(t, "", append([]string{"explain"}, strings.Fields(tc.args)...)...)
			if code != tc.want {
				t.Errorf("got exit code %d, want %d; the standard error says:\n%s", code, tc.want, stderr)
			}
			compareGolden(t, "explain/"+name+".stdout", stdout)
			compareGolden(t, "explain/"+name+".stderr", stderr)
		})
	}
}

func TestExplainCompletesKinds(t *testing.T) {
	stdout, _, _ := call(t, "", "__complete", "explain", "d")
	if !strings.Contains(stdout, "deployment/\n") || strings.Contains(stdout, "deployment \n") {
		t.Errorf("got\n%s\nwant deployment/", stdout)
	}
	stdout, _, _ = call(t, "", "__complete", "explain", "deployment/payments", "")
	if strings.Contains(stdout, "deployment/\n") {
		t.Errorf("got\n%s\nwant nothing after the target", stdout)
	}
}
