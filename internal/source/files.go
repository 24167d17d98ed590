package source

import (
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

// Files is what is known of the manifests that were read.
func (r *Reader) Files() *model.Files {
	return model.NewFiles(func(yield func(model.ObjectRef) bool) {
		for _, object := range r.Objects() {
			for _, ref := range refsOf(object) {
				if !yield(ref) {
					return
				}
			}
		}
	})
}

// refsOf returns the object's reference, and others by which it is looked for: of a ServiceEntry its hosts, and of a gateway's pod a pod
// of any namespace.
func refsOf(object client.Object) []model.ObjectRef {
	gvk, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return nil
	}
	refs := []model.ObjectRef{model.RefOf(nameOf(gvk), object)}
	switch object := object.(type) {
	case *corev1.Pod:
		if gather.IsGateway(object) {
			refs = append(refs, model.ObjectRef{Kind: model.KindPod})
		}
	case *istionetworkingv1.ServiceEntry:
		for _, host := range object.Spec.GetHosts() {
			refs = append(refs, model.ObjectRef{Kind: model.KindServiceEntry, Namespace: object.Namespace, Name: host})
		}
	}
	return refs
}
