package translate

import (
	"fmt"
	"strings"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// maxSendWords is how many hosts the words name; a status is read by people.
const maxSendWords = 8

// sendWords are what the target sends, as the policy says it: "api.partner.example Mutual, 8443 Disable; other.example Simple".
func sendWords(sends []meshtlsv1alpha1.Send) string {
	var words []string
	for _, send := range sends {
		modes := modesWords(send)
		for _, host := range send.Hosts {
			words = append(words, host+" "+modes)
		}
	}
	if more := len(words) - maxSendWords; more > 0 {
		words = append(words[:maxSendWords], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, "; ")
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
