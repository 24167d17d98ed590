package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/internal/gather"
)

// settings are what the flags say.
type settings struct {
	operator        controllers.Options
	metricsAddress  string
	metricsSecure   bool
	metricsCertPath string
	probeAddress    string
	pprofAddress    string
	leaderElect     bool
	leaderNamespace string
	leaderID        string
	version         bool
	log             zap.Options
}

// intro stands above the flags in --help.
const intro = `The operator of MeshTLSPolicy: compiles the policies of a cluster into Istio's PeerAuthentication,
DestinationRule and Gateway objects, keeps these exact, and writes on each policy what came of it.

It needs a cluster: the one it runs in, or that of --kubeconfig or of the variable KUBECONFIG.

Usage: manager [flags]

`

// parse reads the flags. The set may hold some already: controller-runtime defines --kubeconfig.
func parse(set *flag.FlagSet, args []string) (settings, error) {
	set.Init("manager", flag.ContinueOnError)
	var s settings
	s.defineOperator(set)
	s.defineEvidence(set)
	s.defineServing(set)
	s.defineLeader(set)
	set.BoolVar(&s.version, "version", false, "Print the version and exit.")
	s.log.BindFlags(set)
	set.Usage = func() {
		_, _ = fmt.Fprint(set.Output(), intro)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return settings{}, err
	}
	if s.operator.Evidence.Interval <= 0 || s.operator.Evidence.Prometheus.Timeout <= 0 {
		err := errors.New("--evidence-interval and --prometheus-timeout are times above zero, such as 1m")
		_, _ = fmt.Fprintln(set.Output(), err)
		return settings{}, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q: there are only flags", set.Arg(0))
		_, _ = fmt.Fprintln(set.Output(), err)
		return settings{}, err
	}
	return s, nil
}

func (s *settings) defineOperator(set *flag.FlagSet) {
	set.StringVar(&s.operator.IstioNamespace, "istio-namespace", gather.DefaultIstioNamespace,
		"The `namespace` of Istio's control plane, where the ConfigMap istio with the mesh config is read. "+
			"The operator needs a Role there (config/rbac).")
	set.StringVar(&s.operator.RootNamespace, "root-namespace", "",
		"The mesh's root `namespace`, whose policies are mesh-wide. Empty: what the mesh config says, "+
			"or else the Istio namespace.")
	set.StringVar(&s.operator.ClusterDomain, "cluster-domain", "",
		"The `domain` that the names of the cluster's Services end in, as istiod's --domain says. Empty: what Istio's injector is installed "+
			"with (ConfigMap istio-sidecar-injector), or else cluster.local.")
	set.Func("credential-namespaces",
		"The `namespaces`, comma-separated, of gateways and clients whose Secrets and ConfigMaps are checked where policies name them. "+
			"The operator needs a Role in each (config/components/credentials). Default: none, and no Secret is read.",
		into(&s.operator.CredentialNamespaces))
	set.Func("watch-namespaces",
		"The `namespaces`, comma-separated, whose policies are compiled. Besides them the operator then reads only the Istio namespace and "+
			"--root-namespace (config/components/watch-namespaces). Default: all.",
		into(&s.operator.WatchNamespaces))
	set.IntVar(&s.operator.MaxConcurrentReconciles, "max-concurrent-reconciles", 4,
		"How `many` namespaces are compiled and written at a time.")
	s.operator.Settle = defaultSettle
	set.Func("settle",
		"The `time` that the mesh is given to take up a change (istiod's debounce and push): what must follow a change, and the status that "+
			"says Ready, are written after it. 0s: nothing is waited for. (default 1s)",
		s.setSettle)
}

// defaultSettle is some ten times what istiod waits for more changes, and a push to proxies that are near.
const defaultSettle = time.Second

func (s *settings) setSettle(text string) error {
	settle, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return err
	case settle < 0 || settle > time.Minute:
		return fmt.Errorf("%s is not between 0s and 1m", text)
	}
	s.operator.Settle = settle
	return nil
}

func (s *settings) defineEvidence(set *flag.FlagSet) {
	to := &s.operator.Evidence
	set.StringVar(&to.Prometheus.URL, "prometheus-url", "",
		"The `address` of the Prometheus that has Istio's metrics, which rollouts (spec.accept.rollout) learn from what is called. Empty: none.")
	set.StringVar(&to.Prometheus.CAFile, "prometheus-ca-file", "",
		"A `file` with certificate authorities, in PEM, for an https address. Empty: the system's.")
	set.StringVar(&to.Prometheus.TokenFile, "prometheus-token-file", "", "A `file` with the bearer token for Prometheus. It may change.")
	set.StringVar(&to.Prometheus.Matchers, "prometheus-matchers", "",
		"More label `matchers` for every series, where one Prometheus has several meshes, such as cluster=\"east\".")
	set.DurationVar(&to.Prometheus.Timeout, "prometheus-timeout", 30*time.Second,
		"How long all queries about one target may take `together`. What is not answered by then is not known.")
	set.BoolVar(&to.Scrape, "evidence-scrape", false,
		"Read the metrics of the proxies of targets themselves (port 15090, ztunnel's 15020): for refused calls after a switch, and in place of "+
			"Prometheus where --prometheus-url names none.")
	set.BoolVar(&to.Audit, "evidence-audit", false,
		"Write an AuthorizationPolicy in dry-run, which refuses nothing and counts, where a rollout asks for one "+
			"(spec.accept.rollout.evidence.audit). The operator needs a right for it (config/components/audit).")
	set.DurationVar(&to.Interval, "evidence-interval", time.Minute, "How `often` each target of a rollout is asked about.")
	set.IntVar(&to.Concurrency, "evidence-concurrency", 2, "How `many` targets are asked about at a time.")
}

// into takes a list of namespaces. It refuses what is none: a watch of one that cannot be would fail for ever.
func into(namespaces *[]string) func(string) error {
	return func(list string) error {
		named := sets.New[string]()
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				return fmt.Errorf("%q is no namespace: %s", name, strings.Join(problems, ", "))
			}
			named.Insert(name)
		}
		*namespaces = sets.List(named)
		return nil
	}
}

func (s *settings) defineServing(set *flag.FlagSet) {
	set.StringVar(&s.metricsAddress, "metrics-bind-address", "0",
		"The `address` at which metrics are served, such as :8443. 0: they are not served.")
	set.BoolVar(&s.metricsSecure, "metrics-secure", true,
		"Serve metrics by HTTPS, to whom the API server allows it (TokenReview, SubjectAccessReview). "+
			"With =false by HTTP, to anybody.")
	set.StringVar(&s.metricsCertPath, "metrics-cert-path", "",
		"The `folder` with tls.crt and tls.key for the metrics; when they change, they are read again. "+
			"Empty: the operator makes a certificate at each start, which nobody can verify.")
	set.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081",
		"The `address` of the probes /healthz and /readyz. 0: there are none.")
	set.StringVar(&s.pprofAddress, "pprof-bind-address", "0",
		"The `address` at which profiles of memory and processor are served (/debug/pprof/), such as localhost:6060. They are served without "+
			"encryption and to anybody. 0: they are not.")
}

func (s *settings) defineLeader(set *flag.FlagSet) {
	set.BoolVar(&s.leaderElect, "leader-elect", false,
		"Let only one of several replicas write; the others keep their caches warm. The lease is given up on exit.")
	set.StringVar(&s.leaderNamespace, "leader-election-namespace", "",
		"The `namespace` of the lease. Empty: the one the operator runs in.")
	set.StringVar(&s.leaderID, "leader-election-id", "meshtls-manager",
		"The `name` of the lease.")
}
