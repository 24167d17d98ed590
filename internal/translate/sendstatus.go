package translate

import (
	"fmt"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// sendWords returns what the target sends to each host, as the policy says it: "api.partner.example Mutual, 8443 Disable".
func sendWords(sends []meshtlsv1alpha1.Send) []string {
	var words []string
	for _, send := range sends {
		modes := modesWords(send)
		for _, host := range send.Hosts {
			words = append(words, host+" "+modes)
		}
	}
	return words
}

func modesWords(send meshtlsv1alpha1.Send) string {
	var words []string
	if send.Mode != "" {
		words = append(words, string(send.Mode))
	}
	for _, port := range send.Ports {
		words = append(words, fmt.Sprintf("%d %s", port.Port, port.Mode))
	}
	return strings.Join(words, ", ")
}
