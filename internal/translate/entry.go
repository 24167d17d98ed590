package translate

import (
	"k8s.io/apimachinery/pkg/types"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// entry is what became of one entry of a policy's spec: a mode, a port, a host, a server. Every entry asked for yields one.
type entry struct {
	policy types.NamespacedName
	// stands says that the plan holds the entry, or could hold it once a reference resolves.
	stands   bool
	findings []model.Finding
}

// standing is an entry that the plan holds, with what there is to say about it.
func standing(policy *meshtlsv1alpha1.MeshTLSPolicy, findings ...model.Finding) entry {
	return entry{policy: keyOf(policy), stands: true, findings: findings}
}

// fallen is an entry that the plan does not hold, because of the finding.
func fallen(policy *meshtlsv1alpha1.MeshTLSPolicy, because model.Finding) entry {
	return entry{policy: keyOf(policy), findings: []model.Finding{because}}
}

func keyOf(policy *meshtlsv1alpha1.MeshTLSPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: policy.Namespace, Name: policy.Name}
}
