package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/meshtls/meshtls/internal/model"
)

// A name is meshtls-<hint>-<hash>. The hash tells what is governed apart, the hint is for people. All names are DNS-1123 labels,
// since a Gateway's must be one (istio pkg/config/validation, ValidateGateway).
const (
	namePrefix = "meshtls-"
	nameLimit  = 63
	hintLimit  = nameLimit - len(namePrefix) - 1 - hashLength
	// hashBits keep people from finding two selectors of one name: with 32 bits that took a second.
	hashBits   = 80
	hashLength = hashBits / bitsPerLetter

	bitsPerLetter = 5
)

// letters write a hash down in letters and digits that a name may have.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

// The hints of what is for all pods that a policy of the namespace can govern.
const (
	hintNamespace = "namespace"
	hintMesh      = "mesh"
)

// acceptName returns a function of the pods that are governed, and for which control plane. Everything is the hint where these are all.
func acceptName(r *model.AcceptRule, everything string) string {
	identity := newGoverned(model.KindPeerAuthentication).text(r.Revision).labels(r.Selector)
	return nameOf(podsHint(r.Selector, everything), identity)
}

// auditName returns a function of the pods, and for which control plane.
func auditName(r *model.AuditRule) string {
	identity := newGoverned(model.KindAuthorizationPolicy).text(r.Revision).labels(r.Selector)
	return nameOf(podsHint(r.Selector, ""), identity)
}

// sendName returns a function of the host and the clients. To whom the rule is exported may change while it governs the same.
func sendName(r *model.SendRule) string {
	identity := newGoverned(model.KindDestinationRule).text(r.Revision).text(r.Host).text(string(r.Audience)).labels(r.Selector)
	host, _, _ := strings.Cut(r.Host, ".svc.")
	return nameOf(host, identity)
}

// gatewayName returns a function of the policy: each has a Gateway of its own.
func gatewayName(r *model.GatewayRule) string { return GatewayName(r.Policy) }

// GatewayName returns the name of the Gateway that is rendered for a policy: VirtualServices bind to it.
func GatewayName(policy string) string {
	return nameOf(policy, newGoverned(model.KindGateway).text(policy))
}

func nameOf(hint string, g governed) string {
	sum := sha256.Sum256(g)
	var hash [hashLength]byte
	letters.Encode(hash[:], sum[:hashBits/8])
	if hint = sanitized(hint); hint == "" {
		return namePrefix + string(hash[:])
	}
	return namePrefix + hint + "-" + string(hash[:])
}

// hintLabels are the labels that usually say what a workload is called, the best first.
var hintLabels = []string{"app", "app.kubernetes.io/name", "k8s-app"}

// podsHint returns a word for the pods of a selector.
func podsHint(selector map[string]string, everything string) string {
	if len(selector) == 0 {
		return everything
	}
	for _, key := range hintLabels {
		if value := selector[key]; value != "" {
			return value
		}
	}
	first := slices.Min(slices.Collect(maps.Keys(selector)))
	return cmp.Or(selector[first], first)
}

// sanitized returns the text as a part of a DNS-1123 label: lower case, every run of other characters a single dash, none at the ends.
func sanitized(text string) string {
	clean := make([]byte, 0, hintLimit)
	for i := 0; i < len(text) && len(clean) < hintLimit; i++ {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			clean = append(clean, c)
		case c >= 'A' && c <= 'Z':
			clean = append(clean, c-'A'+'a')
		case len(clean) > 0 && clean[len(clean)-1] != '-':
			clean = append(clean, '-')
		}
	}
	return strings.TrimSuffix(string(clean), "-")
}

// governed is an encoding of what an object governs. Each text comes after its length, so that no two encodings run together.
type governed []byte

func newGoverned(kind string) governed {
	return make(governed, 0, 256).text(kind)
}

func (g governed) text(t string) governed {
	return append(binary.AppendUvarint(g, uint64(len(t))), t...)
}

func (g governed) labels(selector map[string]string) governed {
	g = binary.AppendUvarint(g, uint64(len(selector)))
	if len(selector) == 1 { // by far the most common, and no sorting is needed
		for key, value := range selector {
			return g.text(key).text(value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		g = g.text(key).text(selector[key])
	}
	return g
}
