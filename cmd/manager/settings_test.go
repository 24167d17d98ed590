package main

import (
	"bytes"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		args    []string
		want    func(settings) bool
		wantErr bool
	}{
		"defaults": {
			want: func(s settings) bool {
				return s.operator.IstioNamespace == "istio-system" && s.operator.RootNamespace == "" && s.operator.ClusterDomain == "" &&
					s.operator.MaxConcurrentReconciles == 4 && s.metricsAddress == "0" && s.metricsSecure && !s.leaderElect &&
					s.operator.Settle == time.Second && len(s.operator.CredentialNamespaces) == 0 && len(s.operator.WatchNamespaces) == 0
			},
		},
		"everything said": {
			args: []string{
				"--istio-namespace=mesh", "--root-namespace=root", "--cluster-domain=corp.example",
				"--leader-elect", "--metrics-bind-address=:8443",
				"--metrics-secure=false", "--metrics-cert-path=/certificates", "--zap-log-level=debug",
			},
			want: func(s settings) bool {
				return s.operator.IstioNamespace == "mesh" && s.operator.RootNamespace == "root" && s.leaderElect &&
					s.operator.ClusterDomain == "corp.example" &&
					s.metricsAddress == ":8443" && !s.metricsSecure && s.metricsCertPath == "/certificates" && s.log.Level != nil
			},
		},
		"where evidence comes from": {
			args: []string{"--prometheus-url=https://prometheus.example", "--prometheus-matchers=cluster=\"east\"", "--evidence-scrape", "--evidence-interval=2m"},
			want: func(s settings) bool {
				of := s.operator.Evidence
				return of.Prometheus.URL == "https://prometheus.example" && of.Prometheus.Matchers == `cluster="east"` && of.Scrape &&
					of.Interval == 2*time.Minute && of.Prometheus.Timeout == 30*time.Second && of.Concurrency == 2
			},
		},
		"an interval that is none": {args: []string{"--evidence-interval=0s"}, wantErr: true},
		"namespaces of credentials, each once": {
			args: []string{"--credential-namespaces=edge, ingress,,edge"},
			want: func(s settings) bool {
				return slices.Equal(s.operator.CredentialNamespaces, []string{"edge", "ingress"})
			},
		},
		"no namespaces of credentials": {
			args: []string{"--credential-namespaces="},
			want: func(s settings) bool { return len(s.operator.CredentialNamespaces) == 0 },
		},
		"namespaces that are watched": {
			args: []string{"--watch-namespaces=shop,bank"},
			want: func(s settings) bool { return slices.Equal(s.operator.WatchNamespaces, []string{"bank", "shop"}) },
		},
		"a settle time":               {args: []string{"--settle=250ms"}, want: func(s settings) bool { return s.operator.Settle == 250*time.Millisecond }},
		"no settle time":              {args: []string{"--settle=0s"}, want: func(s settings) bool { return s.operator.Settle == 0 }},
		"a settle time below zero":    {args: []string{"--settle=-1s"}, wantErr: true},
		"a settle time without unit":  {args: []string{"--settle=5"}, wantErr: true},
		"what is no namespace":        {args: []string{"--credential-namespaces=*"}, wantErr: true},
		"an unknown flag":             {args: []string{"--nonsense"}, wantErr: true},
		"an argument that is no flag": {args: []string{"start"}, wantErr: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			set := flag.NewFlagSet("manager", flag.ContinueOnError)
			set.SetOutput(&bytes.Buffer{})
			got, err := parse(set, tc.args)
			if (err != nil) != tc.wantErr {
				t.Fatalf("error: got %v, want one: %v", err, tc.wantErr)
			}
			if tc.want != nil && !tc.want(got) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestHelpExplainsEachFlag(t *testing.T) {
	set := flag.NewFlagSet("manager", flag.ContinueOnError)
	var help bytes.Buffer
	set.SetOutput(&help)
	if _, err := parse(set, []string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v, want %v", err, flag.ErrHelp)
	}
	set.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" || !strings.Contains(help.String(), "-"+f.Name) {
			t.Errorf("--%s is not explained", f.Name)
		}
	})
}
