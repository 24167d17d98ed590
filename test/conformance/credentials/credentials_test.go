package credentials_test

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/lint/all"
	"github.com/meshtls/meshtls/test/conformance/oracle"
	"github.com/meshtls/meshtls/test/golden"
)

// worlds are where lint keeps its worlds, and those about credentials.
var (
	worlds = filepath.Join("..", "..", "..", "internal", "lint", "testdata")
	areas  = []string{
		"destinationrule-ca-*", "destinationrule-certificate-*", "destinationrule-credential-in-other-namespace",
		"destinationrule-credential-not-found", "destinationrule-credential-unusable",
		"gateway-certificate-chain-broken", "gateway-certificate-expire*", "gateway-certificate-not-for-host",
		"gateway-client-ca-*", "gateway-credential-*", "sane",
	}
)

// leftWithout are the checks that say that a proxy is not given what it needs.
var leftWithout = sets.New(
	"destinationrule-ca-missing", "destinationrule-credential-in-other-namespace",
	"destinationrule-credential-not-found", "destinationrule-credential-unusable",
	"gateway-client-ca-missing", "gateway-credential-in-other-namespace",
	"gateway-credential-not-found", "gateway-credential-unusable",
)

// apart are the worlds in which lint knowingly says less than Istio does.
var apart = map[string]string{
	"not-a-secret": "sds:// may be answered by somebody else; where nobody is, Istio looks for a Secret",
}

// partner is the host that the worlds' clients call, and port its port.
const (
	partner = "api.partner.example"
	port    = 80
)

// now is when the worlds are looked at.
var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// TestLintAgrees compares, world by world, whether any proxy is left without what it needs.
func TestLintAgrees(t *testing.T) {
	var without, with int
	for _, input := range inputs(t) {
		name := strings.TrimSuffix(filepath.Base(input), ".yaml")
		if apart[name] != "" {
			continue
		}
		t.Run(filepath.Join(filepath.Base(filepath.Dir(input)), name), func(t *testing.T) {
			world := read(t, input)
			missing, found := missingIn(t, world), errorsIn(t, world)
			if (len(missing) > 0) != (len(found) > 0) {
				t.Errorf("Istio leaves out %v; lint says %v", missing, found)
			}
			if len(missing) > 0 {
				without++
			} else {
				with++
			}
		})
	}
	t.Logf("worlds in which a proxy is left without: %d, in which all have what they need: %d", without, with)
	oracle.Record(t, "credentials", "%d worlds", without+with)
	if without == 0 || with == 0 {
		t.Error("want worlds of both kinds")
	}
}

func inputs(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, area := range areas {
		found, err := filepath.Glob(filepath.Join(worlds, area, "*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Errorf("no world in %s", area)
		}
		all = append(all, found...)
	}
	return all
}

func read(t *testing.T, input string) oracle.World {
	t.Helper()
	world, err := oracle.Parse(golden.ReadWorld(t, input).Objects)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// errorsIn are lint's findings of a proxy that is left without, where the credentials of all namespaces are known.
func errorsIn(t *testing.T, world oracle.World) []string {
	t.Helper()
	reader, err := world.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mesh, err := gather.Inventory(t.Context(), reader, now, gather.Options{CredentialNamespaces: reader.Namespaces()})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range all.Findings(mesh) {
		if leftWithout.Has(f.Check) && f.Severity == meshtlsv1alpha1.SeverityError {
			found = append(found, f.Check+": "+f.Message)
		}
	}
	return found
}

// missingIn returns the secrets that proxies need and are not given, or that no TLS library takes.
func missingIn(t *testing.T, world oracle.World) []string {
	t.Helper()
	mesh := oracle.NewMesh(t, world, "")
	var missing []string
	for _, pod := range mesh.Pods() {
		name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
		proxy := mesh.Sidecar(name)
		if len(pod.Spec.Containers) == 1 {
			proxy = mesh.Gateway(name)
			for _, served := range proxy.Serves() {
				missing = append(missing, missingOf(proxy, served.Certificates)...)
			}
		}
		missing = append(missing, missingOf(proxy, proxy.Sends(partner, port).Certificates)...)
	}
	return missing
}

func missingOf(proxy *oracle.Proxy, needed oracle.Certificates) []string {
	var missing []string
	shown := ofCluster(strings.Split(needed.Shown, ",")...)
	roots := ofCluster(needed.Roots)
	given := proxy.Given(append(shown, roots...)...)
	for _, name := range shown {
		if _, err := tls.X509KeyPair(given[name].Certificate, given[name].Key); err != nil {
			missing = append(missing, name+": "+err.Error())
		}
	}
	for _, name := range roots {
		if !x509.NewCertPool().AppendCertsFromPEM(given[name].Authorities) {
			missing = append(missing, name+": no authority")
		}
	}
	return missing
}

// ofCluster leaves out what the proxy has itself.
func ofCluster(names ...string) []string {
	var all []string
	for _, name := range names {
		if strings.Contains(name, "://") {
			all = append(all, name)
		}
	}
	return all
}
