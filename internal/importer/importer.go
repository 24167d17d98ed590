package importer

import (
	"cmp"
	"slices"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

// Input is what is imported from.
type Input struct {
	// Mesh is the whole mesh. What the operator writes in it is not imported.
	Mesh model.Inventory
	// Namespace is the one whose objects are imported. Empty: all.
	Namespace string
	// Policies are those that are in the mesh already.
	Policies []*meshtlsv1alpha1.MeshTLSPolicy
	// Admit says why the API server would refuse a policy; nil: it would not.
	Admit func(*meshtlsv1alpha1.MeshTLSPolicy) error
}

// Result is what becomes of the foreign objects.
type Result struct {
	// Policies are ordered by namespace and name.
	Policies []Policy
	// Refusals are ordered by namespace, kind and name. Their objects stay.
	Refusals []Refusal
	// WithoutTLS are the DestinationRules that say nothing of TLS. They stay, too.
	WithoutTLS []model.ObjectRef
}

// Policy is a MeshTLSPolicy in the place of other objects.
type Policy struct {
	*meshtlsv1alpha1.MeshTLSPolicy
	// From are the objects whose place it takes, the one that counts first.
	From []model.ObjectRef
	// Keeps says that the first of From stays, with what Refusals say of it.
	Keeps bool
	// Notes are what there is to know, each in full sentences.
	Notes []string
	// Steps are what there is to do once the policy is applied, in order.
	Steps []string
	// Rest is what an object of From says besides TLS, to be applied together with the policy; nil: nothing.
	Rest *istionetworkingv1.DestinationRule
}

// Refusal is an object, or a part of one, that is not imported.
type Refusal struct {
	Object model.ObjectRef
	// Field is the path of the part; empty: the object as a whole.
	Field string
	// Why is in full sentences.
	Why string
}

// Policies imports the foreign objects of a mesh. An error is compile.ErrRestless: with some policies the operator would write without
// end.
func Policies(in Input) (Result, error) {
	m, err := newOriginal(in)
	if err != nil {
		return Result{}, err
	}
	d := m.propose(in.Namespace)
	d.nameThem()
	d.admit(in.Admit)
	if err := d.settle(); err != nil {
		return Result{}, err
	}
	return d.result(), nil
}

// propose makes a candidate of each object of the namespace that can be said as a policy.
func (m *original) propose(namespace string) *draft {
	d := &draft{original: m}
	asked := m.foreign
	if namespace != "" {
		asked.PeerAuthentications = in(asked.PeerAuthentications, namespace)
		asked.DestinationRules = in(asked.DestinationRules, namespace)
		asked.Gateways = in(asked.Gateways, namespace)
	}
	d.peerAuthentications(asked.PeerAuthentications)
	d.destinationRules(asked.DestinationRules)
	d.gateways(asked.Gateways)
	return d
}

// draft is a result in the making.
type draft struct {
	original   *original
	candidates []*candidate
	refusals   []Refusal
	withoutTLS []model.ObjectRef
	// dropped are the servers of Gateways that have no effect, with the reason.
	dropped map[serverAt]string
}

// candidate is a policy that may be imported.
type candidate struct {
	policy *meshtlsv1alpha1.MeshTLSPolicy
	// kind is that of the objects.
	kind string
	// from are the objects, the one that counts first.
	from []model.ObjectRef
	// kept is what stays of a Gateway, with the refusals that say why; nil: nothing.
	kept    *istionetworkingv1.Gateway
	partial []Refusal
	rest    *istionetworkingv1.DestinationRule
	notes   []string
	// gains says that what is rendered starts from a rule that the object hides.
	gains bool
}

func (d *draft) refuse(object model.ObjectRef, why string) {
	d.refusals = append(d.refusals, Refusal{Object: object, Why: why})
}

// withdraw refuses all objects of a candidate.
func (d *draft) withdraw(c *candidate, why string) {
	d.candidates = slices.DeleteFunc(d.candidates, func(other *candidate) bool { return other == c })
	d.refuse(c.from[0], why)
	for _, other := range c.from[1:] {
		d.refuse(other, "Istio uses nothing of it that "+c.from[0].String()+" does not decide, and that one is not imported.")
	}
}

// withdrawAll refuses the candidates, and says how many they were.
func (d *draft) withdrawAll(refused []withdrawal) bool {
	for _, w := range refused {
		if slices.Contains(d.candidates, w.candidate) {
			d.withdraw(w.candidate, w.why)
		}
	}
	return len(refused) > 0
}

// withdrawal is a candidate that is taken back, and why.
type withdrawal struct {
	candidate *candidate
	why       string
}

func (d *draft) admit(admit func(*meshtlsv1alpha1.MeshTLSPolicy) error) {
	if admit == nil {
		return
	}
	for _, c := range slices.Clone(d.candidates) {
		if c.kind == model.KindGateway {
			d.admitServers(c, admit)
			continue
		}
		if err := admit(c.policy); err != nil {
			d.withdraw(c, notAdmitted(err))
		}
	}
}

func notAdmitted(err error) string {
	return "A MeshTLSPolicy with the same settings would not be admitted: " + err.Error() + "."
}

func (d *draft) result() Result {
	r := Result{Refusals: d.refusals, WithoutTLS: d.withoutTLS}
	for _, c := range d.candidates {
		if c.gains {
			c.notes = append(c.notes, "What is rendered has the same TLS, and beside it what another DestinationRule for the host says "+
				"(load balancing, connection pools, outlier detection, subsets), which the old rule hides from these clients.")
		}
		r.Policies = append(r.Policies, Policy{
			MeshTLSPolicy: written(c.policy), From: c.from, Keeps: c.kept != nil, Notes: c.notes, Steps: d.original.stepsOf(c), Rest: unaged(c.rest),
		})
		r.Refusals = append(r.Refusals, c.partial...)
	}
	slices.SortFunc(r.Policies, func(a, b Policy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortStableFunc(r.Refusals, func(a, b Refusal) int { return compareRefs(a.Object, b.Object) })
	slices.SortFunc(r.WithoutTLS, compareRefs)
	return r
}

// written returns the policy without the age that the comparison gave it.
func written(p *meshtlsv1alpha1.MeshTLSPolicy) *meshtlsv1alpha1.MeshTLSPolicy {
	p = p.DeepCopy()
	p.CreationTimestamp = metav1.Time{}
	return p
}

func unaged(rest *istionetworkingv1.DestinationRule) *istionetworkingv1.DestinationRule {
	if rest == nil {
		return nil
	}
	rest = rest.DeepCopy()
	rest.CreationTimestamp = metav1.Time{}
	return rest
}

func compareRefs(a, b model.ObjectRef) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}
