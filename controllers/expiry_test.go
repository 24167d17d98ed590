package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
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
			s := model.Snapshot{Inventory: model.Inventory{Now: metav1.NewTime(now), Credentials: tc.found}}
			if got := untilExpiry(s); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestUntilExceptionEnds(t *testing.T) {
	tests := map[string]struct {
		now   string
		until []string
		want  string
	}{
		"no exception":                        {now: "2027-02-20T12:00:00Z", want: "0s"},
		"14 days before the last":             {now: "2027-02-14T12:00:00Z", until: []string{"2027-03-01"}, want: "12h0m1s"},
		"3 days before the last":              {now: "2027-02-20T12:00:00Z", until: []string{"2027-03-01"}, want: "132h0m1s"},
		"the last day begins":                 {now: "2027-02-28T00:00:00Z", until: []string{"2027-03-01"}, want: "24h0m1s"},
		"the last day ends":                   {now: "2027-03-01T23:59:59Z", until: []string{"2027-03-01"}, want: "2s"},
		"it has ended":                        {now: "2027-03-02T00:00:01Z", until: []string{"2027-03-01"}, want: "0s"},
		"the first of several":                {now: "2027-03-01T23:00:00Z", until: []string{"2028-01-01", "2027-03-01"}, want: "1h0m1s"},
		"a far one is not waited for at once": {now: "2027-03-01T23:00:00Z", until: []string{"2099-01-01"}, want: "720h0m1s"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tc.now)
			if err != nil {
				t.Fatal(err)
			}
			accept := &meshtlsv1alpha1.Accept{Floor: meshtlsv1alpha1.FloorStrict}
			for _, until := range tc.until {
				accept.FloorExceptions = append(accept.FloorExceptions, meshtlsv1alpha1.FloorException{Policy: "a", Until: until})
			}
			floor := &meshtlsv1alpha1.MeshTLSPolicy{Spec: meshtlsv1alpha1.MeshTLSPolicySpec{Accept: accept}}
			s := model.Snapshot{
				RootPolicies: []*meshtlsv1alpha1.MeshTLSPolicy{floor}, Inventory: model.Inventory{Now: metav1.NewTime(now)},
			}
			if got := untilExpiry(s).String(); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
