package mesh

import (
	"strconv"

	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// DryRun reports whether sidecars only count what the AuthorizationPolicy would do.
// Source: istio pilot/pkg/security/authz/builder/builder.go, isDryRun.
func DryRun(policy *istiosecurityv1.AuthorizationPolicy) bool {
	only, err := strconv.ParseBool(policy.Annotations[model.AnnotationDryRun])
	return err == nil && only
}
