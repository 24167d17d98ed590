package screens

import (
	"cmp"
	"strings"

	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/mesh"
)

// account is a service account.
type account struct{ namespace, name string }

// addPrincipals adds the pairs of service accounts that AuthorizationPolicies let in by name, and the pods that they select.
func (p *Page) addPrincipals(pairs map[ends]Lock) {
	clients := map[account][]int{}
	for i, w := range p.workloads {
		for _, taken := range w.taken {
			of := account{w.Namespace, cmp.Or(taken.Pods.ServiceAccount, "default")}
			clients[of] = append(clients[of], i)
		}
	}
	for _, policy := range p.View().AuthorizationPolicies() {
		if policy.Spec.GetAction() != securityapi.AuthorizationPolicy_ALLOW || mesh.DryRun(policy) {
			continue
		}
		servers := p.selectedBy(policy)
		for _, of := range accountsIn(policy) {
			for _, from := range clients[of] {
				for _, to := range servers {
					if from != to && pairs[ends{from, to}] == "" {
						pairs[ends{from, to}] = LockAllowed
					}
				}
			}
		}
	}
}

// selectedBy returns the places of the workloads that the policy selects by labels. One for a whole namespace names no server.
func (p *Page) selectedBy(policy *istiosecurityv1.AuthorizationPolicy) []int {
	labels := policy.Spec.GetSelector().GetMatchLabels()
	if len(labels) == 0 {
		return nil
	}
	var places []int
	for _, w := range p.View().Selected(policy.Namespace, labels) {
		for name := range namesOf(w) {
			places = append(places, p.byID[workloadID(w, name)])
		}
	}
	return places
}

// accountsIn returns the service accounts that the policy names in full, as <trust domain>/ns/<namespace>/sa/<name> or <namespace>/<name>.
func accountsIn(policy *istiosecurityv1.AuthorizationPolicy) []account {
	var accounts []account
	for _, rule := range policy.Spec.GetRules() {
		for _, from := range rule.GetFrom() {
			for _, principal := range from.GetSource().GetPrincipals() {
				if of, named := accountOf(principal); named {
					accounts = append(accounts, of)
				}
			}
			for _, name := range from.GetSource().GetServiceAccounts() {
				accounts = append(accounts, accountIn(name, policy.Namespace))
			}
		}
	}
	return accounts
}

func accountOf(principal string) (account, bool) {
	parts := strings.Split(principal, "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" {
		return account{}, false
	}
	return account{parts[2], parts[4]}, true
}

func accountIn(name, namespace string) account {
	if of, bare, qualified := strings.Cut(name, "/"); qualified {
		return account{of, bare}
	}
	return account{namespace, name}
}
