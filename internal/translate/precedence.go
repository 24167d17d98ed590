package translate

import (
	"cmp"
	"slices"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// byPrecedence orders policies as Istio and GEP-713 do: the older wins, then the first by namespace and name.
func byPrecedence(policies []*meshtlsv1alpha1.MeshTLSPolicy) []*meshtlsv1alpha1.MeshTLSPolicy {
	ordered := slices.Clone(policies)
	slices.SortFunc(ordered, func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int {
		return cmp.Or(
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return ordered
}
