package gather

import (
	"cmp"
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Policies returns the policies of all namespaces that are not being deleted.
func Policies(ctx context.Context, reader client.Reader) ([]*meshtlsv1alpha1.MeshTLSPolicy, error) {
	m := &making{gathering: newGathering(reader, metav1.NamespaceAll, Options{})}
	return m.policiesOf(ctx, metav1.NamespaceAll)
}

// readPolicies reads the namespace's policies, and those of the root namespace, whose floors bind it.
func (m *making) readPolicies(ctx context.Context) error {
	var err error
	if m.policies, err = m.policiesOf(ctx, m.namespace); err != nil || m.mesh.RootNamespace == m.namespace {
		return err
	}
	m.rootPolicies, err = m.policiesOf(ctx, m.mesh.RootNamespace)
	return err
}

// policiesOf leaves out the policies that are being deleted: what they contribute goes with them.
func (g *gathering) policiesOf(ctx context.Context, namespace string) ([]*meshtlsv1alpha1.MeshTLSPolicy, error) {
	var read meshtlsv1alpha1.MeshTLSPolicyList
	asked := Read{Kind: model.KindPolicy, Namespace: namespace}
	if err := g.list(ctx, asked, &read, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var policies []*meshtlsv1alpha1.MeshTLSPolicy
	for i := range read.Items {
		if read.Items[i].DeletionTimestamp.IsZero() {
			policies = append(policies, &read.Items[i])
		}
	}
	slices.SortFunc(policies, func(a, b *meshtlsv1alpha1.MeshTLSPolicy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return policies, nil
}

// governsInbound reports whether a policy says what the namespace's pods accept.
func (m *making) governsInbound() bool {
	says := func(p *meshtlsv1alpha1.MeshTLSPolicy) bool { return p.Spec.Accept != nil }
	return slices.ContainsFunc(m.policies, says) || slices.ContainsFunc(m.rootPolicies, says)
}

// governsMesh reports whether a policy says what all pods of the mesh accept: whether they carry it is asked of each.
func (m *making) governsMesh() bool {
	return m.namespace == m.mesh.RootNamespace && slices.ContainsFunc(m.policies, func(p *meshtlsv1alpha1.MeshTLSPolicy) bool {
		return p.Spec.Accept != nil && p.Spec.Workload == nil && p.Spec.Gateway == nil
	})
}

// sentHosts returns the hosts that the policies send to, qualified, each once; those of clients All only, if that is asked.
func (m *making) sentHosts(wanted func(*meshtlsv1alpha1.Send) bool) []string {
	var all []string
	for _, policy := range m.policies {
		for i := range policy.Spec.Send {
			send := &policy.Spec.Send[i]
			if !wanted(send) {
				continue
			}
			for _, host := range send.Hosts {
				all = append(all, m.domain().Qualify(host, policy.Namespace))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func anySend(*meshtlsv1alpha1.Send) bool { return true }

func sendForAll(s *meshtlsv1alpha1.Send) bool { return s.Clients == meshtlsv1alpha1.ClientsAll }
