package operator

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	commonmodel "github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/yaml"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/controllers"
	"github.com/meshtls/meshtls/test/controlplane"
)

// startScraped runs an operator that serves its metrics at the address, and checks the credentials of the namespaces, until the specs
// that the caller stands before are done.
func startScraped(address string, credentials ...string) {
	GinkgoHelper()
	settings := controllers.Options{IstioNamespace: istioNamespace, MaxConcurrentReconciles: 4, CredentialNamespaces: credentials}
	options := controllers.ManagerOptions(settings)
	options.Metrics.BindAddress = address
	options.Controller.SkipNameValidation = ptr.To(true)
	options.LeaderElection, options.LeaderElectionReleaseOnCancel = true, true
	options.LeaderElectionNamespace, options.LeaderElectionID = operatorNamespace, "meshtls-manager"
	manager, err := ctrl.NewManager(account, options)
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.Setup(manager, settings)).To(Succeed())

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).Should(Receive(BeNil()))
	})
}

// scrape reads the metrics as Prometheus does.
func scrape(ctx context.Context, address string) map[string]*dto.MetricFamily {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	Expect(response.StatusCode).To(Equal(http.StatusOK))
	parser := expfmt.NewTextParser(commonmodel.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return families
}

// values returns those of a family that are not zero, by the values of the labels.
func values(family *dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for _, m := range family.GetMetric() {
		var labels []string
		for _, pair := range m.GetLabel() {
			labels = append(labels, pair.GetValue())
		}
		if value := m.GetGauge().GetValue() + m.GetCounter().GetValue(); value != 0 {
			all[strings.Join(labels, " ")] = value
		}
	}
	return all
}

var _ = Describe("The metrics", Ordered, Serial, func() {
	var address, checked string
	read := func(ctx SpecContext, name string) func() map[string]float64 {
		return func() map[string]float64 { return values(scrape(ctx, address)[name]) }
	}

	BeforeAll(func(ctx SpecContext) {
		By("waiting for the policies of other specs to be gone")
		alone(ctx)
		running.stop()
		DeferCleanup(func() { running = startOperator(account) }) // without policies there is no first pass to wait for
		checked = newNamespace(ctx)
		allowCredentials(ctx, checked)
		address = controlplane.FreeAddress(GinkgoTB())
		startScraped(address, checked)
		Eventually(answer(ctx, "http://"+address+"/metrics")).Should(Equal(http.StatusOK))
	})

	It("count policies, findings and writes, and forget what is deleted", func(ctx SpecContext) {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}
		Expect(admin.Create(ctx, namespace)).To(Succeed())
		newApplication(ctx, namespace.Name, "shop")
		winner := strictBut(namespace.Name, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, winner)
		expectReady(ctx, winner)
		loser := strictBut(namespace.Name, "shop", meshtlsv1alpha1.AcceptDisable)
		loser.Name = "zz-younger"
		loser.Spec.Accept.Mode = meshtlsv1alpha1.AcceptPermissive
		create(ctx, loser)

		Eventually(read(ctx, "meshtls_policies")).Should(Equal(map[string]float64{
			"Ready True": 1, "Accepted True": 1, "ResolvedRefs True": 2, "Programmed True": 1, "Effective True": 1,
			"Ready False": 1, "Accepted False": 1, "Programmed Unknown": 1, "Effective Unknown": 1, "Stalled True": 1,
		}))
		Expect(read(ctx, "meshtls_findings")()).To(Equal(map[string]float64{"accept-conflict Error": 2}))
		Expect(read(ctx, "meshtls_writes_total")()).To(And(
			HaveKeyWithValue("PeerAuthentication Created", 1.0), HaveKeyWithValue("MeshTLSPolicy StatusUpdated", BeNumerically(">=", 2))))
		compiles := scrape(ctx, address)["meshtls_compile_seconds"].GetMetric()
		Expect(compiles).To(HaveLen(1))
		Expect(compiles[0].GetHistogram().GetSampleCount()).To(BeNumerically(">=", 2))

		By("deleting a policy")
		Expect(admin.Delete(ctx, loser)).To(Succeed())
		Eventually(read(ctx, "meshtls_findings")).Should(BeEmpty())
		Expect(read(ctx, "meshtls_policies")()).To(HaveKeyWithValue("Ready True", 1.0))

		By("deleting the namespace")
		Expect(admin.Delete(ctx, namespace)).To(Succeed())
		Eventually(read(ctx, "meshtls_policies")).Should(BeEmpty())
	})

	It("tell when certificates end that policies name", func(ctx SpecContext) {
		Expect(admin.Create(ctx, newCertificate(checked, "edge-cert", "shop.example.com"))).To(Succeed())
		Expect(admin.Create(ctx, newCertificate(checked, "unnamed", "shop.example.com"))).To(Succeed())
		serving(ctx, checked, "edge-cert")
		Eventually(read(ctx, "meshtls_certificate_expiry_timestamp_seconds")).Should(Equal(map[string]float64{
			checked + " edge-cert": float64(certificateEnd.Unix()),
		}))
	})

	It("are under the names that the alerts and the dashboard ask for", func(ctx SpecContext) {
		namespace := newNamespace(ctx)
		newApplication(ctx, namespace, "shop")
		p := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptPermissive)
		create(ctx, p)
		loser := strictBut(namespace, "shop", meshtlsv1alpha1.AcceptDisable)
		loser.Name = "zz-younger"
		create(ctx, loser)
		floor := policy(namespace, "floor")
		floor.Spec.Accept = &meshtlsv1alpha1.Accept{
			Floor:           meshtlsv1alpha1.FloorPermissive,
			FloorExceptions: []meshtlsv1alpha1.FloorException{{Policy: "nobody", Until: "2999-12-31", Reason: "of the spec"}},
		}
		create(ctx, floor)
		rolling := rollingTo(namespace)
		rolling.Name, rolling.Spec.Workload = "rolling", &meshtlsv1alpha1.Target{Selector: &meshtlsv1alpha1.LabelSelector{MatchLabels: labels("other")}}
		create(ctx, rolling)
		Eventually(read(ctx, "meshtls_rollout_phase")).ShouldNot(BeEmpty())
		Eventually(read(ctx, "meshtls_findings")).ShouldNot(BeEmpty())
		Eventually(read(ctx, "meshtls_floor_exception_end_timestamp_seconds")).Should(HaveKey(namespace + " floor"))
		served := scrape(ctx, address)
		for _, query := range queries() {
			names := metricNames(query)
			Expect(names).NotTo(BeEmpty(), query)
			for _, name := range names {
				Expect(served).To(HaveKey(name), query)
				Expect(served[name].GetMetric()).NotTo(BeEmpty(), query)
			}
		}
		Expect(admin.Delete(ctx, p)).To(Succeed())
		Expect(admin.Delete(ctx, loser)).To(Succeed())
		Expect(admin.Delete(ctx, floor)).To(Succeed())
		Expect(admin.Delete(ctx, rolling)).To(Succeed())
		Expect(admin.Delete(ctx, policy(checked, "edge"))).To(Succeed())
		Eventually(read(ctx, "meshtls_policies")).Should(BeEmpty())
		Eventually(read(ctx, "meshtls_certificate_expiry_timestamp_seconds")).Should(BeEmpty())
	})
})

// queries returns the expressions of the alerts and of the dashboard.
func queries() []string {
	GinkgoHelper()
	root, err := controlplane.Root()
	Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, file := range []string{"rules.yaml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join(root, "config", "prometheus", file))
		Expect(err).NotTo(HaveOccurred())
		var content map[string]any
		Expect(yaml.Unmarshal(text, &content)).To(Succeed())
		before := len(found)
		for _, entry := range append(slice(content["groups"], "rules"), slice(content["panels"], "targets")...) {
			found = append(found, entry["expr"].(string))
		}
		Expect(len(found)).To(BeNumerically(">", before), file)
	}
	return found
}

// slice returns the entries of a list of lists: those under the key, in each member.
func slice(members any, key string) []map[string]any {
	var entries []map[string]any
	all, _ := members.([]any)
	for _, member := range all {
		for _, entry := range member.(map[string]any)[key].([]any) {
			entries = append(entries, entry.(map[string]any))
		}
	}
	return entries
}

var (
	// noNames are the parts of a query that hold labels, durations and variables: matchers, ranges, groupings.
	noNames = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)`)
	// names are words that are not called like a function.
	names = regexp.MustCompile(`\b([a-z_]{2,})\b(\s*\()?`)
)

// metricNames returns the names of the metrics in a query, those of a histogram without its suffix.
func metricNames(query string) []string {
	var found []string
	for _, match := range names.FindAllStringSubmatch(noNames.ReplaceAllString(query, " "), -1) {
		if match[2] == "" {
			found = append(found, strings.TrimSuffix(match[1], "_bucket"))
		}
	}
	return found
}
