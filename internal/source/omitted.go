package source

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// Omitted returns the fields that manifests leave out, of those of which that can be seen in the text alone: the mode of a
// DestinationRule's tls, whose zero value is DISABLE.
func (r *Reader) Omitted() sets.Set[model.FieldRef] { return r.omitted }

// noteOmitted takes down which modes the object leaves out.
func (r *Reader) noteOmitted(fields map[string]any, object client.Object, gvk schema.GroupVersionKind) {
	if gvk.Kind == model.KindDestinationRule {
		r.noteModes(fields["spec"], "spec", model.RefOf(gvk.Kind, object))
	}
}

// noteModes looks for tls without a mode at the value, which stands at the path, and below it.
func (r *Reader) noteModes(value any, path string, of model.ObjectRef) {
	switch typed := value.(type) {
	case map[string]any:
		for key, below := range typed {
			tls, is := below.(map[string]any)
			if _, says := tls["mode"]; key == "tls" && is && !says {
				r.omitted.Insert(model.FieldRef{Object: of, Field: path + ".tls.mode"})
			}
			r.noteModes(below, path+"."+key, of)
		}
	case []any:
		for i, below := range typed {
			r.noteModes(below, fmt.Sprintf("%s[%d]", path, i), of)
		}
	}
}
