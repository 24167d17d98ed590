package controllers

import (
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// authorizationPolicies is the CRD of AuthorizationPolicies.
const authorizationPolicies = "authorizationpolicies.security.istio.io"

const (
	auditNotAsked = "The operator writes none: start it with --evidence-audit, and give it the right (config/components/audit)."
	auditNotRead  = "The operator cannot read AuthorizationPolicies: give it the right (config/components/audit), and see its log."
)

// auditSubjects returns the AuthorizationPolicies of the namespaces that are compiled, where audit policies are to be written. The right
// to them is one of its own, so they are followed apart from the kinds that the operator cannot do without.
func auditSubjects(o Options) []subject {
	if !o.Evidence.Audit {
		return nil
	}
	namespaces := []string{""}
	if governed := o.scope().governed; governed != nil {
		namespaces = sets.List(governed)
	}
	return []subject{{
		name: model.KindAuthorizationPolicy, request: authorizationPolicies, crd: authorizationPolicies,
		objects: []client.Object{&istiosecurityv1.AuthorizationPolicy{}}, namespaces: namespaces,
	}}
}

// setupAudit adds the controller that follows AuthorizationPolicies, if audit policies are to be written. A missing right keeps the
// operator neither from starting nor from being ready.
func setupAudit(manager ctrl.Manager, audit *follower) error {
	if len(audit.subjects) == 0 {
		return nil
	}
	audit.patience = credentialPatience
	controller, err := addFollower(manager, "audit", audit, lastRetry)
	if err != nil {
		return err
	}
	return watchCRDs(controller, manager.GetCache(), audit.subjects)
}

// noAudit says why audit policies cannot be written, as a full sentence; empty: they can.
func (r *Reconciler) noAudit(cluster view) string {
	switch {
	case !r.options.Evidence.Audit:
		return auditNotAsked
	case cluster.missing.Has(model.KindAuthorizationPolicy):
		return auditNotRead
	default:
		return ""
	}
}
