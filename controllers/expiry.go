package controllers

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// longestWait bounds the wait for a time: a timer of centuries is of no use.
const longestWait = 30 * 24 * time.Hour

// untilExpiry returns how long it takes until time alone changes what there is to say of a certificate, or of an exception from a floor.
// Zero: it does not.
func untilExpiry(s model.Snapshot) time.Duration {
	var next time.Duration
	for _, moment := range momentsOf(s) {
		if moment.Before(s.Now.Time) {
			continue
		}
		// The moment itself still belongs to what was before.
		if wait := min(moment.Sub(s.Now.Time), longestWait) + time.Second; next == 0 || wait < next {
			next = wait
		}
	}
	return next
}

// momentsOf returns the moments of the certificates, and of the exceptions from the floors that hold in the namespace.
func momentsOf(s model.Snapshot) []time.Time {
	var all []time.Time
	for _, c := range s.Credentials {
		for _, moment := range moments(c) {
			all = append(all, moment.Time)
		}
	}
	for _, p := range slices.Concat(s.Policies, s.RootPolicies) {
		for _, e := range model.ExceptionsOf(p) {
			for _, moment := range model.ExceptionMoments(e) {
				all = append(all, moment.Time)
			}
		}
	}
	return all
}

// moments returns the moments at which a certificate begins to be valid, should have been replaced, and ends.
func moments(c model.Credential) []metav1.Time {
	var certificates []model.Certificate
	if c.Pair != nil {
		certificates = append(certificates, c.Pair.Chain...)
	}
	if c.CA != nil {
		certificates = append(certificates, c.CA.Certificates...)
	}
	all := make([]metav1.Time, 0, 3*len(certificates))
	for _, certificate := range certificates {
		all = append(all, certificate.NotBefore, certificate.ReplaceBy(), certificate.NotAfter)
	}
	return all
}
