package translate

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Settings are compared as a whole, so that a field which is added later counts too.

func sameAccept(a, b model.AcceptSettings) bool { return equality.Semantic.DeepEqual(a, b) }

func sameSend(a, b sendValue) bool { return a.audience == b.audience && sameTLS(a.tls, b.tls) }

func sameTLS(a, b meshtlsv1alpha1.ClientTLS) bool {
	return equality.Semantic.DeepEqual(normalTLS(a), normalTLS(b))
}

// normalTLS is the form that settings with the same effect share: false is said by leaving the field out, and names are in order.
func normalTLS(tls meshtlsv1alpha1.ClientTLS) meshtlsv1alpha1.ClientTLS {
	if tls.InsecureSkipVerify != nil && !*tls.InsecureSkipVerify {
		tls.InsecureSkipVerify = nil
	}
	tls.SubjectAltNames = slices.Sorted(slices.Values(tls.SubjectAltNames))
	return tls
}
