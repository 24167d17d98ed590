package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/model"
)

var expiryDesc = prometheus.NewDesc("meshtls_certificate_expiry_timestamp_seconds",
	"When the certificate expires that a Secret holds which policies name, in the namespaces whose credentials are checked.",
	[]string{"namespace", "secret"}, nil)

var exceptionDesc = prometheus.NewDesc("meshtls_floor_exception_end_timestamp_seconds",
	"When the first exception ends, of those that have not ended, from the floor that the policy sets.",
	[]string{"namespace", "policy"}, nil)

// expiries are ends in seconds since 1970, by Secret or policy.
type expiries map[types.NamespacedName]int64

// expiriesOf returns the certificate's end for a Secret that holds one with its key, and otherwise the last end of its authorities.
func expiriesOf(found []model.Credential) expiries {
	e := expiries{}
	for _, c := range found {
		if c.Kind != model.KindSecret {
			continue
		}
		secret := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
		switch {
		case c.Pair != nil && len(c.Pair.Chain) > 0:
			e[secret] = c.Pair.Chain[0].NotAfter.Unix()
		case c.CA != nil && len(c.CA.Certificates) > 0:
			for _, authority := range c.CA.Certificates {
				e[secret] = max(e[secret], authority.NotAfter.Unix())
			}
		}
	}
	return e
}

// exceptionsOf returns, for each policy with a floor, when the first of the exceptions from it ends that have not ended yet.
func exceptionsOf(s model.Snapshot) expiries {
	e := expiries{}
	for _, p := range s.Policies {
		for _, exception := range model.ExceptionsOf(p) {
			end, policy := model.ExceptionEnd(exception), types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
			if first, known := e[policy]; end.After(s.Now.Time) && (!known || end.Unix() < first) {
				e[policy] = end.Unix()
			}
		}
	}
	return e
}

// first puts what all namespaces know together. Two that name one Secret may have looked at it at different times.
func (m *Metrics) first(of map[string]expiries) expiries {
	all := expiries{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range of {
		for name, end := range known {
			if first, seen := all[name]; !seen || end < first {
				all[name] = end
			}
		}
	}
	return all
}
