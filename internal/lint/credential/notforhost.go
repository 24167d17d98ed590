package credential

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/lint"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

func init() {
	addOfServers(lint.About{
		Name:     "gateway-certificate-not-for-host",
		Severity: []lint.Severity{lint.Warning},
		Classes:  []string{"M43"},
		Finds:    "a server with a host that none of its certificates is for.",
		Why: "Clients compare the name that they call with the certificate's alternative names. A wildcard stands for one " +
			"label; the common name is not looked at any more. Of a server's wildcard host, one name that the certificate is " +
			"for is enough.",
		Fix: "Have it issued for all hosts. Where the gateway's clients are a load balancer that verifies no names, mute the " +
			"check.",
	}, certificateNotForHost)
}

// certificateNotForHost tells of hosts of a server that none of its certificates is for. It speaks once for all certificates of a
// server: with the first.
func certificateNotForHost(v *mesh.View, w wanted) []model.Finding {
	if !w.first {
		return nil
	}
	names, known := namesOf(v, w)
	if !known {
		return nil
	}
	var uncovered []string
	for _, host := range w.server.Hosts {
		if _, name, scoped := strings.Cut(host, "/"); scoped {
			host = name
		}
		if !coveredBy(names, strings.ToLower(host)) {
			uncovered = append(uncovered, host)
		}
	}
	if len(uncovered) == 0 {
		return nil
	}
	f := w.finding(lint.Warning)
	f.Message = fmt.Sprintf("The certificate in Secret %s is not for %s but for %s: clients that verify it refuse the connection.",
		w.at(), strings.Join(uncovered, ", "), orNothing(names))
	f.Remedy = "Have the certificate issued for all hosts of the server, as subject alternative names."
	return []model.Finding{f}
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}

// namesOf returns the names that the certificates of the server are for, if all of them are known.
func namesOf(v *mesh.View, w wanted) ([]string, bool) {
	var names []string
	for i := range max(1, len(w.server.Tls.CredentialNames)) {
		if len(w.server.Tls.CredentialNames) > 0 {
			w.reference = parseReference(w.server.Tls.CredentialNames[i])
		}
		pair := pair(v, w)
		if pair == nil {
			return nil, false
		}
		names = append(names, pair.Chain[0].Names...)
	}
	slices.Sort(names)
	return slices.Compact(names), true
}

// coveredBy reports whether one of the names, as a client compares them (RFC 6125), is for the host. Of the hosts that a wildcard stands
// for not all need be called: one that a certificate is for is enough.
func coveredBy(names []string, host string) bool {
	if host == "*" {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		if domain, many := strings.CutPrefix(host, "*"); many {
			return strings.HasSuffix(name, domain)
		}
		domain, many := strings.CutPrefix(name, "*.")
		_, parent, _ := strings.Cut(host, ".")
		return name == host || many && domain == parent
	})
}
