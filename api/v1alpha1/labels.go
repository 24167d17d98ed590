package v1alpha1

import "maps"

// LabelSelector selects pods by equality of labels, the only form that Istio's workload selectors know.
//
// +kubebuilder:object:generate=false
type LabelSelector struct {
	// matchLabels are the labels that a pod must all have, with these values: keys and values as Kubernetes knows them, without
	// wildcards, which Istio refuses. At least one, at most 16.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="a label's key is a name of at most 63 letters, digits, '-', '_' and '.', with an optional domain and '/' before it; wildcards are not allowed"
	MatchLabels map[string]LabelValue `json:"matchLabels"`
}

// LabelValue is the value of a pod's label. It may be empty.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')",message="a label's value has letters, digits, '-', '_' and '.', and begins and ends with a letter or digit; wildcards are not allowed"
type LabelValue = string

// DeepCopyInto copies the receiver into out. It is written by hand, because controller-gen cannot copy a map of an alias, and
// without the alias the values would have no limits.
func (s *LabelSelector) DeepCopyInto(out *LabelSelector) {
	out.MatchLabels = maps.Clone(s.MatchLabels)
}

// DeepCopy returns a copy of the receiver.
func (s *LabelSelector) DeepCopy() *LabelSelector {
	if s == nil {
		return nil
	}
	out := new(LabelSelector)
	s.DeepCopyInto(out)
	return out
}
