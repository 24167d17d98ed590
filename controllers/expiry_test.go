package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

func TestUntilExpiry(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	// valid is a certificate from and until some days from now.
	valid := func(from, until int) model.Certificate {
		return model.Certificate{NotBefore: metav1.NewTime(now.AddDate(0, 0, from)), NotAfter: metav1.NewTime(now.AddDate(0, 0, until))}
	}
	pair := func(chain ...model.Certificate) model.Credential {
		return model.Credential{Pair: &model.CertificatePair{Chain: chain}}
	}
	bundle := func(authorities ...model.Certificate) model.Credential {
		return model.Credential{CA: &model.CertificateBundle{Certificates: authorities}}
	}
	tests := map[string]struct {
		found []model.Credential
		want  time.Duration
	}{
		"no credential":                         {},
		"one without certificates":              {found: []model.Credential{{}}},
		"it will have to be replaced":           {[]model.Credential{pair(valid(-300, 50))}, 20*day + time.Second},
		"it should have been and will end":      {[]model.Credential{pair(valid(-300, 10))}, 10*day + time.Second},
		"a quarter of a short life":             {[]model.Credential{pair(valid(0, 8))}, time.Second},
		"the end is now":                        {[]model.Credential{pair(valid(-8, 0))}, time.Second},
		"it ended":                              {found: []model.Credential{pair(valid(-8, -1))}},
		"it is not valid yet":                   {[]model.Credential{pair(valid(3, 800))}, 3*day + time.Second},
		"the first of several, in a chain":      {[]model.Credential{pair(valid(-300, 50), valid(-300, 40)), bundle(valid(-300, 45))}, 10*day + time.Second},
		"of authorities":                        {[]model.Credential{bundle(valid(-300, 35))}, 5*day + time.Second},
		"centuries are not waited for at once":  {[]model.Credential{bundle(valid(-300, 365000))}, longestWait + time.Second},
		"a certificate of the end of all times": {[]model.Credential{pair(valid(-300, 3000000))}, longestWait + time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := untilExpiry(model.Inventory{Now: metav1.NewTime(now), Credentials: tc.found}); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
