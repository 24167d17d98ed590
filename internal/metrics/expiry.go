package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/meshtls/meshtls/internal/model"
)

var expiryDesc = prometheus.NewDesc("meshtls_certificate_expiry_timestamp_seconds",
	"When the certificate expires that a Secret holds which policies name, in the namespaces whose credentials are checked.",
	[]string{"namespace", "secret"}, nil)

// expiries are when the certificates of Secrets expire, in seconds since 1970.
type expiries map[types.NamespacedName]int64

// expiriesOf is the certificate's end for a Secret that holds one with its key, and otherwise the last end of its authorities.
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

// firstExpiries puts those of all namespaces together. Two that name one Secret may have looked at it at different times.
func (m *Metrics) firstExpiries() expiries {
	all := expiries{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range m.expiries {
		for secret, expiry := range of {
			if known, seen := all[secret]; !seen || expiry < known {
				all[secret] = expiry
			}
		}
	}
	return all
}
