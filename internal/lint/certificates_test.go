package lint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// certificatesVariable, set to 1, makes the certificates and keys of the worlds anew. The keys are made for the worlds, and protect
// nothing.
const certificatesVariable = "MAKE_CERTIFICATES"

// How a world says what its certificates are, in comments:
//
//	# certificate shop: for shop.example.com *.shop.example.com, by ca, from 2026-01-01, until 2036-01-01
//	# certificate ca: authority
//
// and which of them a value holds:
//
//	tls.crt: | # certificates shop ca
//	tls.key: | # key shop
var (
	certificateDefined = regexp.MustCompile(`^# certificate (\S+):(.*)$`)
	valueHolds         = regexp.MustCompile(`^( *)\S+: \| # (certificates|key) (.+)$`)
)

// certificateMaker makes the certificates that a world defines.
type certificateMaker struct {
	t       *testing.T
	defined map[string]string
	made    map[string]*x509.Certificate
	keys    map[string]*ecdsa.PrivateKey
}

// TestCertificates makes the certificates of the worlds, if it is asked to. Otherwise it sees to it that every world that defines one
// holds it.
func TestCertificates(t *testing.T) {
	for _, input := range worldsOf(t, "*") {
		content, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(content), "\n")
		m := certificateMaker{t: t, defined: map[string]string{}, made: map[string]*x509.Certificate{}, keys: map[string]*ecdsa.PrivateKey{}}
		for _, line := range lines {
			if definition := certificateDefined.FindStringSubmatch(line); definition != nil {
				m.defined[definition[1]] = definition[2]
			}
		}
		if len(m.defined) == 0 {
			continue
		}
		if os.Getenv(certificatesVariable) != "1" {
			if !strings.Contains(string(content), "-----BEGIN CERTIFICATE-----") {
				t.Errorf("%s holds no certificate; %s=1 writes it", input, certificatesVariable)
			}
			continue
		}
		if err := os.WriteFile(input, []byte(strings.Join(m.fill(lines), "\n")), 0o644); err != nil { // #nosec G306 -- a source file
			t.Fatal(err)
		}
	}
}

// fill puts the values below the lines that ask for them, in the place of those that are there.
func (m certificateMaker) fill(lines []string) []string {
	var filled []string
	indent := ""
	for _, line := range lines {
		if indent != "" && strings.HasPrefix(line, indent) {
			continue // the value that was there
		}
		indent = ""
		filled = append(filled, line)
		asked := valueHolds.FindStringSubmatch(line)
		if asked == nil {
			continue
		}
		indent = asked[1] + "  "
		for value := range strings.Lines(m.value(asked[2], strings.Fields(asked[3]))) {
			filled = append(filled, indent+strings.TrimSuffix(value, "\n"))
		}
	}
	return filled
}

func (m certificateMaker) value(what string, names []string) string {
	var text strings.Builder
	for _, name := range names {
		certificate := m.certificate(name)
		block := &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}
		if what == "key" {
			encoded, err := x509.MarshalECPrivateKey(m.keys[name])
			if err != nil {
				m.t.Fatal(err)
			}
			block = &pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}
		}
		text.Write(pem.EncodeToMemory(block))
	}
	return text.String()
}

// certificate makes what the definition asks for, once.
func (m certificateMaker) certificate(name string) *x509.Certificate {
	m.t.Helper()
	if made, known := m.made[name]; known {
		return made
	}
	definition, known := m.defined[name]
	if !known {
		m.t.Fatalf("there is no definition of certificate %s", name)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	m.keys[name] = key
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(m.made) + 1)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	issuer := m.describe(template, definition)
	parent, signer := template, key
	if issuer != "" {
		parent = m.certificate(issuer)
		signer = m.keys[issuer]
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		m.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		m.t.Fatal(err)
	}
	m.made[name] = made
	return made
}

// describe fills the template and returns the issuer's name; empty: the certificate itself.
func (m certificateMaker) describe(template *x509.Certificate, definition string) (issuer string) {
	m.t.Helper()
	for clause := range strings.SplitSeq(definition, ",") {
		words := strings.Fields(clause)
		var err error
		switch {
		case len(words) == 0:
		case words[0] == "authority":
			template.IsCA, template.BasicConstraintsValid = true, true
		case words[0] == "for":
			template.DNSNames = slices.Clone(words[1:])
		case words[0] == "by":
			issuer = words[1]
		case words[0] == "from":
			template.NotBefore, err = time.Parse(time.DateOnly, words[1])
		case words[0] == "until":
			template.NotAfter, err = time.Parse(time.DateOnly, words[1])
		default:
			err = fmt.Errorf("%q is not understood", clause)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	return issuer
}
