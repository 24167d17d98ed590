package gather

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// The types of PEM blocks.
const (
	blockCertificate = "CERTIFICATE"
	blockPublicKey   = "PUBLIC KEY"
)

var (
	errNotPEM   = errors.New("it is not PEM")
	errNoneInIt = errors.New("it holds none")
	errGarbled  = errors.New("what is between its BEGIN and END is garbled")
	errNotAKey  = errors.New("it must be PEM, and not encrypted")
	// errNotUnderstood is no problem: nothing is known of the certificate.
	errNotUnderstood = errors.New("it is not understood")
)

// publicKey is what the public keys of all kinds can do.
type publicKey interface {
	Equal(other crypto.PublicKey) bool
}

// pairOf reads the certificate chain and the key that two of the values hold.
func pairOf(keys [2]string, values map[string][]byte) (*model.CertificatePair, []*x509.Certificate) {
	pair := &model.CertificatePair{CertificateKey: keys[0], KeyKey: keys[1]}
	chain, err := parseCertificates(values[keys[0]])
	if err != nil {
		pair.Problem = notACertificate(keys[0], err)
		return pair, nil
	}
	pair.Chain = described(chain)
	key, err := publicKeyOf(values[keys[1]])
	if err != nil {
		pair.Problem = fmt.Sprintf("Its %s is no private key that can be read: %v.", keys[1], err)
		return pair, chain
	}
	switch at := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return key.Equal(c.PublicKey) }); at {
	case 0:
	case -1:
		pair.Problem = fmt.Sprintf("Its %s is the key of another certificate than its %s.", keys[1], keys[0])
	default:
		pair.Problem = fmt.Sprintf("Its %s is the key of certificate %d in its %s, and must be that of the first.", keys[1], at+1, keys[0])
	}
	return pair, chain
}

// bundleOf reads certificates of authorities.
func bundleOf(key string, value []byte) (*model.CertificateBundle, []*x509.Certificate) {
	bundle := &model.CertificateBundle{Key: key}
	authorities, err := parseCertificates(value)
	if err != nil {
		bundle.Problem = notACertificate(key, err)
		return bundle, nil
	}
	bundle.Certificates = described(authorities)
	return bundle, authorities
}

func notACertificate(key string, err error) string {
	if errors.Is(err, errNotUnderstood) {
		return ""
	}
	return fmt.Sprintf("Its %s is no certificate: %v.", key, err)
}

// parseCertificates reads all certificates of a PEM text, and passes over what else is in it.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	anything := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		anything = true
		if block.Type != blockCertificate {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, unreadable(block.Bytes)
		}
		found = append(found, certificate)
	}
	switch {
	case !anything:
		return nil, errNotPEM
	case len(found) == 0:
		return nil, errNoneInIt
	}
	return found, nil
}

// unreadable says why a certificate cannot be read. Go refuses some that proxies take: what looks like one is given the benefit of
// the doubt.
func unreadable(der []byte) error {
	if rest, err := asn1.Unmarshal(der, &asn1.RawValue{}); err != nil || len(rest) > 0 {
		return errGarbled
	}
	return errNotUnderstood
}

// publicKeyOf returns the public part of the first key in a PEM text. Of what the operator's cache keeps it is all there is: see Trim.
func publicKeyOf(text []byte) (publicKey, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == blockPublicKey {
			parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
			if public, ok := parsed.(publicKey); ok && err == nil {
				return public, nil
			}
		}
		if private, ok := parsePrivateKey(block.Bytes).(crypto.Signer); ok {
			if public, ok := private.Public().(publicKey); ok {
				return public, nil
			}
		}
	}
	return nil, errNotAKey
}

// parsePrivateKey reads the forms in which private keys are written; nil: it is none of them.
func parsePrivateKey(der []byte) any {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// chainProblem says where the chain leads to nothing. What clients know already is not known here: a chain that ends early is only
// told of if its next certificate is among the authorities beside it, and is no root.
func chainProblem(chain, authorities []*x509.Certificate) string {
	for i, certificate := range chain[:len(chain)-1] {
		if next := chain[i+1]; certificate.CheckSignatureFrom(next) != nil {
			return fmt.Sprintf("Certificate %d of the chain (%s) is not issued by the one that follows it (%s).",
				i+1, subjectOf(certificate), subjectOf(next))
		}
	}
	last := chain[len(chain)-1]
	if issuer := issuerOf([]*x509.Certificate{last}, authorities); issuer != nil && !selfIssued(last) && !selfIssued(issuer) {
		return fmt.Sprintf("The chain ends before its intermediate certificate (%s), which is only among the authorities.", subjectOf(issuer))
	}
	return ""
}

// issuerOf returns the first of the authorities that issued one of the certificates; nil: there is none.
func issuerOf(certificates, authorities []*x509.Certificate) *x509.Certificate {
	for _, certificate := range certificates {
		for _, authority := range authorities {
			if bytes.Equal(certificate.RawIssuer, authority.RawSubject) && certificate.CheckSignatureFrom(authority) == nil {
				return authority
			}
		}
	}
	return nil
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

func described(certificates []*x509.Certificate) []model.Certificate {
	all := make([]model.Certificate, 0, len(certificates))
	for _, c := range certificates {
		fingerprint := sha256.Sum256(c.Raw)
		names := slices.Clone(c.DNSNames)
		for _, address := range c.IPAddresses {
			names = append(names, address.String())
		}
		all = append(all, model.Certificate{
			Subject: subjectOf(c), Names: names,
			NotBefore: metav1.NewTime(c.NotBefore), NotAfter: metav1.NewTime(c.NotAfter),
			Fingerprint: hex.EncodeToString(fingerprint[:]),
		})
	}
	return all
}

// subjectOf returns the subject in a form that can be read; certificates often have none but their names.
func subjectOf(c *x509.Certificate) string {
	switch subject := c.Subject.String(); {
	case subject != "":
		return subject
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	default:
		return "serial number " + c.SerialNumber.String()
	}
}
