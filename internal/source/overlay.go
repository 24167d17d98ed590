package source

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

// Lay puts what files hold on top of what the Reader has of a cluster, as if it had been applied there: an object takes the place of the
// one of its name, and keeps what a cluster gives it.
//
// The pods that run stay, unless the template of their controller has other labels now: they tell more than a template does.
func (r *Reader) Lay(files *Reader) error {
	for _, object := range files.Objects() {
		if pod, is := object.(*corev1.Pod); is && r.runs(pod) {
			continue
		}
		objects, gvk, err := r.objectsOf(object)
		if err != nil {
			return err
		}
		if before, exists, _ := objects.Get(object); exists {
			live, ok := before.(client.Object)
			if !ok {
				return fmt.Errorf("%T is not an object", before)
			}
			object = inPlaceOf(live, object)
		}
		if object, err = trimmed(object); err != nil {
			return err
		}
		r.missing.Delete(nameOf(gvk))
		if err := objects.Add(object); err != nil {
			return err
		}
	}
	maps.Copy(r.origins, files.origins)
	r.omitted = r.omitted.Union(files.omitted)
	if files.fields != nil {
		r.fields = files.fields.Union(r.fields)
	}
	return nil
}

// inPlaceOf returns the object of a file as the cluster would have it once it is applied.
func inPlaceOf(live, object client.Object) client.Object {
	object, _ = object.DeepCopyObject().(client.Object)
	object.SetUID(live.GetUID())
	object.SetResourceVersion(live.GetResourceVersion())
	object.SetCreationTimestamp(live.GetCreationTimestamp())
	switch applied := object.(type) {
	case *meshtlsv1alpha1.MeshTLSPolicy:
		if before, is := live.(*meshtlsv1alpha1.MeshTLSPolicy); is && applied.Status.Rollout == nil {
			applied.Status.Rollout = before.Status.Rollout
		}
	case *corev1.Namespace:
		if before, is := live.(*corev1.Namespace); is {
			return labelled(before, applied)
		}
	}
	return object
}

// labelled returns the namespace of a file with the labels that others gave it in the cluster: whoever has Istio inject its pods, for one.
func labelled(live, applied *corev1.Namespace) *corev1.Namespace {
	applied = applied.DeepCopy()
	labels := maps.Clone(live.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, applied.Labels)
	applied.Labels = labels
	return applied
}

// runs reports whether pods of the template's controller run and are like it. Those that are not make way for it.
func (r *Reader) runs(template *corev1.Pod) bool {
	if !isOfTemplate(template) {
		return false
	}
	var running []client.Object
	like := true
	for _, object := range r.objects[podKind].List() {
		pod, is := object.(*corev1.Pod)
		if !is || pod.Namespace != template.Namespace || !isMadeBy(pod, template.OwnerReferences[0].Kind, template.OwnerReferences[0].Name) {
			continue
		}
		running = append(running, pod)
		like = like && hasLabels(pod, template.Labels)
	}
	if len(running) > 0 && like {
		return true
	}
	for _, pod := range running {
		_ = r.objects[podKind].Delete(pod) // the key is the name, which is there
	}
	return false
}

// isOfTemplate reports whether the pod is one that podOf made of a controller's template.
func isOfTemplate(pod *corev1.Pod) bool {
	return len(pod.OwnerReferences) == 1 &&
		pod.Name == fmt.Sprintf("%s-%s-0", pod.OwnerReferences[0].Name, strings.ToLower(pod.OwnerReferences[0].Kind))
}

// isMadeBy reports whether the controller has made the pod, itself or by way of a ReplicaSet or a Job.
func isMadeBy(pod *corev1.Pod, kind, name string) bool {
	for _, owner := range pod.OwnerReferences {
		switch {
		case owner.Kind == kind && owner.Name == name,
			kind == "Deployment" && owner.Kind == "ReplicaSet" && owner.Name == name+"-"+pod.Labels["pod-template-hash"],
			kind == "CronJob" && owner.Kind == "Job" && isNumbered(owner.Name, name):
			return true
		}
	}
	return false
}

// isNumbered reports whether the name is the prefix, a hyphen and digits.
func isNumbered(name, prefix string) bool {
	number, found := strings.CutPrefix(name, prefix+"-")
	return found && number != "" && strings.Trim(number, "0123456789") == ""
}

func hasLabels(pod *corev1.Pod, labels map[string]string) bool {
	for key, value := range labels {
		if pod.Labels[key] != value {
			return false
		}
	}
	return true
}

// Touched returns the namespaces that manifests have objects of, or are about themselves; it is not nil where there is none.
func (r *Reader) Touched() []string {
	return sets.List(r.Namespaces().Insert(r.objects[namespaceKind].ListKeys()...))
}

// Copy returns a Reader with the same objects, to lay files on.
func (r *Reader) Copy() (*Reader, error) {
	copied := newReader()
	copied.fromCluster, copied.omitted = r.fromCluster, r.omitted.Clone()
	copied.missing, copied.forbidden, copied.fields = r.missing.Clone(), maps.Clone(r.forbidden), maps.Clone(r.fields)
	maps.Copy(copied.origins, r.origins)
	for gvk, objects := range r.objects {
		if err := copied.objects[gvk].Replace(objects.List(), ""); err != nil {
			return nil, err
		}
	}
	return copied, nil
}
