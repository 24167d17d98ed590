package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Settings are compared as a whole, so that a field which is added later counts too.

// sameAccept reports whether the later claim gets what it wants from the winner's value, now and at the end of a rollout. A target that is
// Strict has come to the end of its.
func sameAccept(winner, later acceptValue) bool {
	ended := winner.Mode == meshtlsv1alpha1.AcceptStrict && later.end == meshtlsv1alpha1.AcceptStrict
	return ended || winner.end == later.end && equality.Semantic.DeepEqual(winner.AcceptSettings, later.AcceptSettings)
}

func sameSend(a, b sendValue) bool { return a.audience == b.audience && sameTLS(a.tls, b.tls) }

func sameTLS(a, b meshtlsv1alpha1.ClientTLS) bool {
	return equality.Semantic.DeepEqual(normalTLS(a), normalTLS(b))
}

// normalTLS returns the form that settings with the same effect share: false is said by leaving the field out, and names are in order.
func normalTLS(tls meshtlsv1alpha1.ClientTLS) meshtlsv1alpha1.ClientTLS {
	if tls.InsecureSkipVerify != nil && !*tls.InsecureSkipVerify {
		tls.InsecureSkipVerify = nil
	}
	tls.SubjectAltNames = slices.Sorted(slices.Values(tls.SubjectAltNames))
	return tls
}
