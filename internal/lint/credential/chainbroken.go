package credential

import (
	"fmt"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfServers(lint.About{
		Name:     "gateway-certificate-chain-broken",
		Severity: []lint.Severity{lint.Warning},
		Classes:  []string{"M43"},
		Finds: "a chain in which a certificate is not issued by the next one, or that ends before an intermediate certificate " +
			"that the Secret holds under `ca.crt`.",
		Why: "The gateway sends the chain as it is. Some clients find the missing certificate by other ways, so it works in a " +
			"browser and fails in a program.",
		Fix: "Put the server's certificate first, then each intermediate one before its issuer. Which roots clients know is " +
			"not known here: a chain that simply ends is not told of.",
	}, certificateChainBroken)
}

// certificateChainBroken tells of a certificate from which clients may not find to an authority that they know.
func certificateChainBroken(v *mesh.View, w wanted) []model.Finding {
	pair := pair(v, w)
	if pair == nil || pair.ChainProblem == "" {
		return nil
	}
	f := w.finding(lint.Warning)
	f.Message = fmt.Sprintf("%s of Secret %s: clients that do not know the missing link refuse the connection. %s",
		pair.CertificateKey, w.at(), pair.ChainProblem)
	f.Remedy = fmt.Sprintf("Put the server's certificate into %s, then all intermediate ones, each before its issuer.", pair.CertificateKey)
	return []model.Finding{f}
}
