package apply

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
	"github.com/meshtls/meshtls/internal/verbatim"
)

// leaving reports whether the object is being deleted already.
func leaving(obj object) bool {
	return obj.GetDeletionTimestamp() != nil
}

// matches reports whether the live object is as planned: its whole spec, fields that Istio's types do not know included, those of its
// labels and annotations that are planned, the absence of a revision that is not, and its owners of our kind. Everything else on it is
// other people's.
func matches(live, want object) bool {
	return sameSpec(live, want) &&
		includes(live.GetLabels(), want.GetLabels()) &&
		includes(live.GetAnnotations(), want.GetAnnotations()) &&
		live.GetLabels()[meshtlsv1alpha1.LabelRevision] == want.GetLabels()[meshtlsv1alpha1.LabelRevision] &&
		sameOwners(ourOwners(live), ourOwners(want))
}

// sameSpec compares the specs as far as somebody has written them. A field that Istio's types do not know, that is not planned and that
// nobody owns is the API server's: the default of a newer Istio's CRD. It comes back whatever is written.
func sameSpec(live, want object) bool {
	found, planned := verbatim.SpecOf(live), verbatim.SpecOf(want)
	if proto.Equal(found, planned) {
		return true
	}
	named := sets.New(verbatim.Names(planned)...)
	return proto.Equal(planned, verbatim.Without(found, func(field string) bool {
		return !named.Has(field) && isDefault(field, live.GetManagedFields())
	}))
}

// isDefault reports whether no field manager owns the field. Who owns a list owns what is in it, so there it cannot be told. What we have
// owned by a replacement may be a default that took somebody's value's place.
func isDefault(field string, entries []metav1.ManagedFieldsEntry) bool {
	if strings.Contains(field, "[") {
		return false
	}
	name := field[strings.LastIndex(field, ".")+1:]
	return !slices.ContainsFunc(entries, func(entry metav1.ManagedFieldsEntry) bool {
		replaced := entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationUpdate
		return !replaced && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:`+name+`"`))
	})
}

func includes(all, part map[string]string) bool {
	for key, value := range part {
		if got, there := all[key]; !there || got != value {
			return false
		}
	}
	return true
}

func sameOwners(a, b []metav1.OwnerReference) bool {
	names := func(refs []metav1.OwnerReference) []string {
		var list []string
		for _, ref := range refs {
			list = append(list, string(ref.UID)+" "+ref.Name)
		}
		slices.Sort(list)
		return list
	}
	return slices.Equal(names(a), names(b))
}

// ourOwners returns the policies among the object's owners.
func ourOwners(obj object) []metav1.OwnerReference {
	owners, _ := splitOwners(obj)
	return owners
}

// splitOwners tells the policies among the object's owners from the others.
func splitOwners(obj object) (ours, others []metav1.OwnerReference) {
	for _, ref := range obj.GetOwnerReferences() {
		if model.OfPolicy(ref) {
			ours = append(ours, ref)
		} else {
			others = append(others, ref)
		}
	}
	return ours, others
}

// RefOf names the object.
func RefOf(obj object) model.ObjectRef {
	ref := model.ObjectRef{Namespace: obj.GetNamespace(), Name: obj.GetName()}
	switch verbatim.Plain(obj).(type) {
	case *istiosecurityv1.PeerAuthentication:
		ref.Kind = kindPeerAuthentication
	case *istionetworkingv1.DestinationRule:
		ref.Kind = kindDestinationRule
	case *istionetworkingv1.Gateway:
		ref.Kind = kindGateway
	case *istiosecurityv1.AuthorizationPolicy:
		ref.Kind = kindAuthorizationPolicy
	}
	return ref
}

// tampered reports whether somebody else's hand shows on what is ours: another field manager owns a part of the spec, or the
// revision label. That is what drift means here: a live object that differs and is tampered with was changed by others; one
// that differs and is not is behind the plan. A field that somebody only took away leaves no trace in managedFields, so putting
// it back counts as an update.
func tampered(live object) bool {
	return len(othersOnSpec(live.GetManagedFields())) > 0
}

// Hands keeps, of an object's managed fields, who has written it, and of others what they did if that shows their hand on what is ours.
// It is all that is asked of managed fields; a cache may drop the rest.
func Hands(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	kept := othersOnSpec(entries)
	for _, entry := range entries {
		if entry.Manager == FieldManager || len(kept) == 0 {
			kept = append(kept, metav1.ManagedFieldsEntry{Manager: entry.Manager, Operation: entry.Operation})
		}
	}
	return kept
}

// othersOnSpec returns the entries of other field managers on what is ours.
func othersOnSpec(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var others []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		if entry.Manager != FieldManager && entry.Subresource == "" && ownsOurFields(entry.FieldsV1) {
			others = append(others, entry)
		}
	}
	return others
}

func ownsOurFields(owned *metav1.FieldsV1) bool {
	if owned == nil {
		return false
	}
	var fields struct {
		Spec     map[string]json.RawMessage `json:"f:spec"`
		Metadata struct {
			Labels struct {
				Revision map[string]json.RawMessage `json:"f:istio.io/rev"`
			} `json:"f:labels"`
		} `json:"f:metadata"`
	}
	// Fields that cannot be read are nobody's we could name.
	if err := json.Unmarshal(owned.GetRawBytes(), &fields); err != nil {
		return false
	}
	return fields.Spec != nil || fields.Metadata.Labels.Revision != nil
}
