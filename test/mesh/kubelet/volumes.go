package kubelet

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// apiAccess begins the names of the volumes that the API server adds for clients of its own. No container here is one.
const apiAccess = "kube-api-access-"

// mountVolumes puts the content of the volumes where Istio's containers look for it. A pod has one root folder for all of them, so
// a volume is a folder in it.
func (p *Pod) mountVolumes(ctx context.Context) error {
	volumes := map[string]corev1.Volume{}
	for _, volume := range p.object.Spec.Volumes {
		volumes[volume.Name] = volume
	}
	for _, container := range append(slices.Clone(p.object.Spec.InitContainers), p.object.Spec.Containers...) {
		if !isIstio(container) {
			continue
		}
		for _, mount := range container.VolumeMounts {
			if strings.HasPrefix(mount.Name, apiAccess) {
				continue
			}
			if err := p.mount(ctx, volumes[mount.Name], mount.MountPath); err != nil {
				return fmt.Errorf("volume %s: %w", mount.Name, err)
			}
		}
	}
	return p.own()
}

// own gives the pod's files to the user of Istio's images.
func (p *Pod) own() error {
	for _, folder := range folders {
		err := filepath.WalkDir(p.Path(folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, istioUser, istioUser)
		})
		if err != nil {
			return fmt.Errorf("giving the files to user %d: %w", istioUser, err)
		}
	}
	return nil
}

// mount puts the content of a volume at a path.
func (p *Pod) mount(ctx context.Context, volume corev1.Volume, at string) error {
	if err := os.MkdirAll(p.Path(at), 0o755); err != nil {
		return err
	}
	files, err := p.content(ctx, volume)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := p.Write(filepath.Join(at, name), content); err != nil {
			return err
		}
	}
	return nil
}

// content returns what is in a volume at the start.
func (p *Pod) content(ctx context.Context, volume corev1.Volume) (map[string][]byte, error) {
	switch {
	case volume.EmptyDir != nil:
		return nil, nil
	case volume.ConfigMap != nil:
		return p.configMap(ctx, volume.ConfigMap.Name, volume.ConfigMap.Optional)
	case volume.Secret != nil:
		return p.secret(ctx, volume.Secret)
	case volume.DownwardAPI != nil:
		return p.downward(volume.DownwardAPI.Items)
	case volume.Projected != nil:
		return p.projected(ctx, volume.Projected.Sources)
	}
	return nil, fmt.Errorf("volumes of this kind cannot be mounted here")
}

// configMap waits for a ConfigMap, unless it is optional: istiod puts one into each namespace.
func (p *Pod) configMap(ctx context.Context, name string, optional *bool) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
		config, err := p.kubelet.Client.CoreV1().ConfigMaps(p.object.Namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return optional != nil && *optional, nil
		}
		if err != nil {
			return false, err
		}
		maps.Copy(files, config.BinaryData)
		for file, content := range config.Data {
			files[file] = []byte(content)
		}
		return true, nil
	})
	return files, err
}

func (p *Pod) secret(ctx context.Context, wanted *corev1.SecretVolumeSource) (map[string][]byte, error) {
	secret, err := p.kubelet.Client.CoreV1().Secrets(p.object.Namespace).Get(ctx, wanted.SecretName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && wanted.Optional != nil && *wanted.Optional {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

func (p *Pod) downward(items []corev1.DownwardAPIVolumeFile) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, item := range items {
		if item.FieldRef == nil {
			return nil, fmt.Errorf("only fields can be referred to here")
		}
		content, err := p.field(item.FieldRef.FieldPath)
		if err != nil {
			return nil, err
		}
		files[item.Path] = []byte(content)
	}
	return files, nil
}

func (p *Pod) projected(ctx context.Context, sources []corev1.VolumeProjection) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, source := range sources {
		if source.ServiceAccountToken == nil {
			return nil, fmt.Errorf("only tokens can be projected here")
		}
		token, err := p.token(ctx, source.ServiceAccountToken)
		if err != nil {
			return nil, err
		}
		files[source.ServiceAccountToken.Path] = token
	}
	return files, nil
}

// token asks for a token of the pod's service account that is valid as long as the pod is there.
func (p *Pod) token(ctx context.Context, wanted *corev1.ServiceAccountTokenProjection) ([]byte, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{wanted.Audience}, ExpirationSeconds: wanted.ExpirationSeconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.object.Name, UID: p.object.UID},
	}}
	accounts := p.kubelet.Client.CoreV1().ServiceAccounts(p.object.Namespace)
	answer, err := accounts.CreateToken(ctx, p.object.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("requesting a token: %w", err)
	}
	return []byte(answer.Status.Token), nil
}

// lines returns a map as the downward API writes it into a file.
func lines(values map[string]string) string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&text, "%s=%q\n", key, values[key])
	}
	return text.String()
}
