package gather_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// now is when snapshots are taken.
var now = metav1.NewTime(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))

// issued is a certificate with its key, in the forms that a Secret can hold.
type issued struct {
	certificate                  *x509.Certificate
	signer                       *ecdsa.PrivateKey
	certificatePEM, keyPEM, pkcs []byte
}

// issue makes a certificate for a name, signed by the issuer or, if that is nil, by itself.
func issue(t *testing.T, name string, issuer *issued) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.certificate, issuer.signer
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	made := issued{signer: key, certificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}
	if made.certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	made.keyPEM = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	made.pkcs = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return made
}

func secret(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: "shop"}, Type: corev1.SecretTypeOpaque, Data: data,
	}
}

// credentialIn returns what gather makes of the one object, if it is a credential of the namespace edge; nil: it is none.
func credentialIn(t *testing.T, object client.Object) *model.Credential {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	options := gather.Options{CredentialNamespaces: sets.New("edge")}
	mesh, err := gather.Inventory(t.Context(), world(t, string(text)), time.Now(), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(mesh.Credentials) > 1 {
		t.Fatalf("got %d credentials, want at most one", len(mesh.Credentials))
	}
	if len(mesh.Credentials) == 0 {
		return nil
	}
	return &mesh.Credentials[0]
}

func TestCredentials(t *testing.T) {
	root := issue(t, "root", nil)
	intermediate := issue(t, "intermediate", &root)
	shop, other := issue(t, "shop", &intermediate), issue(t, "other", nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
	garbled := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hush")})
	strange := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}})
	// What is compared of a credential: the names of the pair's chain and of the CA, and what is wrong.
	type summary struct {
		CertificateKey, CAKey                   string
		Chain, CA                               []string
		Problem, ChainProblem, CAProblem, Empty string
		Issuer                                  bool
	}
	tests := map[string]struct {
		data map[string][]byte
		want summary
	}{
		"tls.crt and tls.key": {
			map[string][]byte{"tls.crt": shop.certificatePEM, "tls.key": shop.keyPEM},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=shop"}},
		},
		"a key in PKCS 8": {
			map[string][]byte{"tls.crt": shop.certificatePEM, "tls.key": shop.pkcs},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=shop"}},
		},
		"a key behind its parameters, as openssl writes it": {
			map[string][]byte{"tls.crt": shop.certificatePEM, "tls.key": append(parameters, shop.keyPEM...)},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=shop"}},
		},
		"a key of another kind": {
			map[string][]byte{"tls.crt": shop.certificatePEM, "tls.key": rsaPEM},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=shop"}, Problem: "Its tls.key is the key of another certificate than its tls.crt."},
		},
		"cert and key come first": {
			map[string][]byte{"cert": shop.certificatePEM, "key": shop.keyPEM, "tls.crt": other.certificatePEM, "tls.key": other.keyPEM},
			summary{CertificateKey: "cert", Chain: []string{"CN=shop"}},
		},
		"an empty key counts for nothing": {
			map[string][]byte{"cert": shop.certificatePEM, "key": {}, "tls.crt": other.certificatePEM, "tls.key": other.keyPEM},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=other"}, Empty: "key"},
		},
		"cacert comes before ca.crt": {
			map[string][]byte{"cacert": root.certificatePEM, "ca.crt": other.certificatePEM},
			summary{CAKey: "cacert", CA: []string{"CN=root"}},
		},
		"the issuer beside a chain that leads to it": {
			map[string][]byte{
				"tls.crt": append(bytes.Clone(shop.certificatePEM), intermediate.certificatePEM...), "tls.key": shop.keyPEM,
				"ca.crt": root.certificatePEM,
			},
			summary{CertificateKey: "tls.crt", Chain: []string{"CN=shop", "CN=intermediate"}, CAKey: "ca.crt", CA: []string{"CN=root"}, Issuer: true},
		},
		"garbled": {
			map[string][]byte{"tls.crt": garbled, "tls.key": shop.keyPEM, "ca.crt": garbled},
			summary{
				CertificateKey: "tls.crt", Problem: "Its tls.crt is no certificate: what is between its BEGIN and END is garbled.",
				CAKey: "ca.crt", CAProblem: "Its ca.crt is no certificate: what is between its BEGIN and END is garbled.",
			},
		},
		"a certificate that only Go does not understand": {
			map[string][]byte{"tls.crt": strange, "tls.key": shop.keyPEM},
			summary{CertificateKey: "tls.crt"},
		},
		"keys alone": {
			map[string][]byte{"tls.crt": shop.keyPEM, "tls.key": shop.keyPEM},
			summary{CertificateKey: "tls.crt", Problem: "Its tls.crt is no certificate: it holds none."},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := summary{}
			c := credentialIn(t, secret(tc.data))
			if diff := cmp.Diff(c, credentialIn(t, trimmed(t, secret(tc.data)))); diff != "" {
				t.Errorf("the operator's cache makes another credential of it (-whole +trimmed):\n%s", diff)
			}
			if c.Pair != nil {
				got.CertificateKey, got.Problem, got.ChainProblem = c.Pair.CertificateKey, c.Pair.Problem, c.Pair.ChainProblem
				got.Chain = subjects(c.Pair.Chain)
			}
			if c.CA != nil {
				got.CAKey, got.CAProblem, got.Issuer, got.CA = c.CA.Key, c.CA.Problem, c.CA.Issuer, subjects(c.CA.Certificates)
			}
			got.Empty, _ = c.Empty.PopAny()
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("credential (-want +got):\n%s", diff)
			}
		})
	}
}

func subjects(certificates []model.Certificate) []string {
	var all []string
	for _, c := range certificates {
		all = append(all, c.Subject)
	}
	return all
}

func TestCredentialsLeaveOut(t *testing.T) {
	helm, token := secret(nil), secret(nil)
	helm.Type, token.Type = "helm.sh/release.v1", corev1.SecretTypeServiceAccountToken
	elsewhere := secret(nil)
	elsewhere.Namespace = "shop"
	configMap := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: "c"}, Data: map[string]string{"a": "b"},
	}
	tests := map[string]struct{ object client.Object }{
		"releases of Helm": {helm},
		"tokens":           {token},
		"what is in a namespace that may not be read": {elsewhere},
		"ConfigMaps without a CA":                     {configMap},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if c := credentialIn(t, tc.object); c != nil {
				t.Errorf("got %v, want none", c)
			}
		})
	}
}

// refusing refuses to list the Secrets of a namespace.
type refusing struct {
	client.Reader
	namespace string
}

func (r refusing) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	if _, secrets := list.(*corev1.SecretList); secrets && asked.Namespace == r.namespace {
		return apierrors.NewForbidden(corev1.Resource("secrets"), "", nil)
	}
	return r.Reader.List(ctx, list, options...)
}

func TestCredentialsOfRefusingNamespaces(t *testing.T) {
	text, err := yaml.Marshal(secret(nil))
	if err != nil {
		t.Fatal(err)
	}
	reader := refusing{Reader: world(t, string(text)), namespace: "vault"}
	mesh, err := gather.Inventory(t.Context(), reader, time.Now(), gather.Options{CredentialNamespaces: sets.New("edge", "vault")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sets.New("edge"), mesh.CredentialNamespaces); diff != "" || len(mesh.Credentials) != 1 {
		t.Errorf("got %d credentials, want 1; of namespaces (-want +got):\n%s", len(mesh.Credentials), diff)
	}
}

// trimmed returns the object as the operator's cache keeps it.
func trimmed(t *testing.T, object client.Object) client.Object {
	t.Helper()
	kept, err := gather.Trim(object)
	if err != nil {
		t.Fatal(err)
	}
	named := kept.(client.Object)
	named.GetObjectKind().SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	return named
}

func TestTrimKeepsNoPrivateKey(t *testing.T) {
	shop := issue(t, "shop", nil)
	pkcs1 := func() []byte {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	}()
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("hush")})
	whole := secret(map[string][]byte{
		"tls.crt": shop.certificatePEM, "tls.key": shop.keyPEM, "key": pkcs1, "ca.crt": shop.certificatePEM,
		"password": []byte("hush"), "other.key": shop.pkcs, "empty": {},
	})
	whole.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: string(shop.keyPEM)}
	odd := secret(map[string][]byte{"tls.key": encrypted})
	for _, object := range []*corev1.Secret{whole, odd} {
		text, err := yaml.Marshal(trimmed(t, object))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range trimmed(t, object).(*corev1.Secret).Data {
			if bytes.Contains(value, []byte("PRIVATE")) || bytes.Contains(value, []byte("hush")) {
				t.Errorf("%s is kept: %s", key, value)
			}
		}
		if bytes.Contains(text, []byte("PRIVATE")) {
			t.Errorf("a private key is kept outside the values:\n%s", text)
		}
	}
}

func TestSnapshotCredentials(t *testing.T) {
	const world1 = `
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: edge, namespace: shop}, spec: {
  gateway: {selector: {matchLabels: {app: gateway}}},
  terminate: [
    {port: 443, hosts: [a.example.com], mode: Mutual, credentialName: a, caCertCredentialName: "configmap://trust/clients"},
    {port: 443, hosts: [b.example.com], mode: Simple, credentialNames: [b, c], name: b}]}}
---
{apiVersion: security.meshtls.dev/v1alpha1, kind: MeshTLSPolicy, metadata: {name: cart, namespace: shop}, spec: {
  workload: {selector: {matchLabels: {app: cart}}},
  send: [{hosts: [d.example.com], mode: Simple, credentialName: d-cacert, ports: [{port: 443, mode: Simple, credentialName: e}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: gateway, namespace: edge, labels: {app: gateway}}, spec: {containers: [{name: istio-proxy, image: p}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: edge}, stringData: {tls.crt: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a-cacert, namespace: edge}, stringData: {cacert: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: unnamed, namespace: edge}, stringData: {tls.crt: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: d-cacert, namespace: shop}, stringData: {cacert: x}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: elsewhere}, stringData: {tls.crt: x}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: clients, namespace: trust}, data: {ca.crt: x}}
`
	names := sets.New("a", "b", "c", "clients", "d", "e")
	at := func(c model.Credential) string { return c.Kind + " " + c.Namespace + "/" + c.Name }
	tests := map[string]struct {
		options   gather.Options
		want      model.Inventory
		wantFound []string
	}{
		"what is named, where proxies ask for it": {
			options: gather.Options{CredentialNamespaces: sets.New("edge", "elsewhere", "shop", "trust"), Now: now},
			want:    model.Inventory{Now: now, CredentialNamespaces: sets.New("edge", "shop", "trust"), CredentialNames: names},
			wantFound: []string{
				"Secret edge/a", "Secret edge/a-cacert", "Secret shop/d-cacert", "ConfigMap trust/clients",
			},
		},
		"only where it may be read": {
			options:   gather.Options{CredentialNamespaces: sets.New("shop"), Now: now},
			want:      model.Inventory{Now: now, CredentialNamespaces: sets.New("shop"), CredentialNames: names},
			wantFound: []string{"Secret shop/d-cacert"},
		},
		"nowhere, as is the default": {options: gather.Options{Now: now}, want: model.Inventory{Now: now}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := snapshotOf(t, world(t, world1), "shop", tc.options)
			var found []string
			for _, c := range got.Credentials {
				found = append(found, at(c))
			}
			looked := model.Inventory{Now: got.Now, CredentialNamespaces: got.CredentialNamespaces, CredentialNames: got.CredentialNames}
			if diff := cmp.Diff(tc.want, looked); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantFound, found); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}
