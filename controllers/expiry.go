package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// longestWait bounds the wait for a certificate's time: a timer of centuries is of no use.
const longestWait = 30 * 24 * time.Hour

// untilExpiry is how long it takes until time alone changes what there is to say about one of the certificates. Zero: it does not.
// Nothing else is waited for by the clock: everything else comes with an event.
func untilExpiry(i model.Inventory) time.Duration {
	var next time.Duration
	for _, c := range i.Credentials {
		for _, moment := range moments(c) {
			if moment.Before(&i.Now) {
				continue
			}
			// The moment itself still belongs to what was before.
			if wait := min(moment.Sub(i.Now.Time), longestWait) + time.Second; next == 0 || wait < next {
				next = wait
			}
		}
	}
	return next
}

// moments are those at which a certificate begins to be valid, should have been replaced, and ends.
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
