package model

import (
	"fmt"
	"iter"

	"k8s.io/apimachinery/pkg/util/sets"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Files is what manifests hold of a mesh that may have more. Nil stands for all of a mesh.
type Files struct {
	// populated are the kinds with the namespaces that have an object of them, and named those with the names that one has somewhere.
	populated, named sets.Set[ObjectRef]
}

// NewFiles takes down which objects the files hold. A ServiceEntry goes by the hosts that it declares.
func NewFiles(held iter.Seq[ObjectRef]) *Files {
	f := &Files{populated: sets.New[ObjectRef](), named: sets.New[ObjectRef]()}
	for o := range held {
		f.populated.Insert(ObjectRef{Kind: o.Kind, Namespace: o.Namespace})
		f.named.Insert(ObjectRef{Kind: o.Kind, Name: o.Name})
	}
	return f
}

// contradict reports whether the files speak against the object being elsewhere: they have others of the kind in its namespace, or one of
// its name in another.
func (f *Files) contradict(absent ObjectRef) bool {
	return f.populated.Has(ObjectRef{Kind: absent.Kind, Namespace: absent.Namespace}) ||
		absent.Name != "" && f.named.Has(ObjectRef{Kind: absent.Kind, Name: absent.Name})
}

// Soften returns the finding as it is to be told of files: that something does not exist is information where it may only be elsewhere.
func (f *Files) Soften(found Finding) Finding {
	if f == nil || found.Absent == (ObjectRef{}) || f.contradict(found.Absent) {
		return found
	}
	found.Severity = meshtlsv1alpha1.SeverityInfo
	if found.Condition != "" {
		found.Reason = meshtlsv1alpha1.ReasonNotInFiles
	}
	found.Message = notInFiles(found.Absent)
	found.Remedy = "Name its file too, or read the cluster with --with-cluster; with --complete this is an error."
	return found
}

// notInFiles says what the files lack.
func notInFiles(absent ObjectRef) string {
	switch {
	case absent == ObjectRef{Kind: KindPod}:
		return "No pod of a gateway is among the files, so the gateway that is meant is not known."
	case absent.Kind == KindPod:
		return fmt.Sprintf("No pod of namespace %s is among the files, and nothing that makes pods, so the pods that are meant are not known.",
			absent.Namespace)
	case absent.Name == "":
		return fmt.Sprintf("No %s of namespace %s is among the files, so what is meant is not known.", absent.Kind, absent.Namespace)
	case absent.Kind == KindServiceEntry:
		return fmt.Sprintf("No ServiceEntry that declares %s is among the files, nor any other of namespace %s.", absent.Name, absent.Namespace)
	default:
		return fmt.Sprintf("%s is not among the files, nor any other %s of its namespace.", absent, absent.Kind)
	}
}
