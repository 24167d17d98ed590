package gather

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshtls/meshtls/internal/model"
)

const (
	kindDeployment = "Deployment"
	kindReplicaSet = "ReplicaSet"
)

// controllerOf returns what a user made the pod by. Whether a ReplicaSet is a Deployment's is told from its name, which then ends in the
// hash of the pods' template: so the ReplicaSets need not be read.
func controllerOf(pod *corev1.Pod) model.Controller {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return model.Controller{}
	}
	if hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; owner.Kind == kindReplicaSet && hash != "" {
		if name, ofDeployment := strings.CutSuffix(owner.Name, "-"+hash); ofDeployment {
			return model.Controller{Kind: kindDeployment, Name: name}
		}
	}
	return model.Controller{Kind: owner.Kind, Name: owner.Name}
}
