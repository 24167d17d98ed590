package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
)

const (
	// expectAnnotation holds the reason that the condition Ready of a sample takes. Without it: Ready.
	expectAnnotation = "demo.meshtls.dev/expect"
	// settleTimeout is what the policies have to get there: pods come, and with them what policies name.
	settleTimeout = time.Minute
)

// expected returns the reason that the sample's condition Ready shall have.
func expected(policy *meshtlsv1alpha1.MeshTLSPolicy) string {
	if reason, ok := policy.Annotations[expectAnnotation]; ok {
		return reason
	}
	return meshtlsv1alpha1.ReasonReady
}

// ready returns the condition Ready if it speaks of the policy as it is now, else an empty one.
func ready(policy *meshtlsv1alpha1.MeshTLSPolicy) metav1.Condition {
	condition := apimeta.FindStatusCondition(policy.Status.Conditions, meshtlsv1alpha1.ConditionReady)
	if condition == nil || condition.ObservedGeneration != policy.Generation {
		return metav1.Condition{Status: metav1.ConditionUnknown}
	}
	return *condition
}

// asExpected reports whether the policy's state is the one that its sample is there to show.
func asExpected(policy *meshtlsv1alpha1.MeshTLSPolicy) bool {
	return ready(policy).Reason == expected(policy)
}

// settled waits until every policy is as expected, and returns them by namespace and name. After the timeout it returns them as
// they are: the reader shall see what is wrong.
func (c *cluster) settled(ctx context.Context) ([]meshtlsv1alpha1.MeshTLSPolicy, error) {
	var policies meshtlsv1alpha1.MeshTLSPolicyList
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, settleTimeout, true, func(ctx context.Context) (bool, error) {
		if err := c.operator.Err(); err != nil {
			return false, err
		}
		if c.mesh == nil {
			if err := c.pretendReady(ctx); err != nil {
				return false, err
			}
		}
		err := c.client.List(ctx, &policies)
		return len(unexpected(policies.Items)) == 0, err
	})
	if err != nil && !wait.Interrupted(err) || ctx.Err() != nil {
		return nil, fmt.Errorf("waiting for the policies: %w", err)
	}
	return policies.Items, nil
}

// pretendReady makes all pods ready where nothing runs them.
func (c *cluster) pretendReady(ctx context.Context) error {
	var pods corev1.PodList
	if err := c.client.List(ctx, &pods); err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if len(pod.Status.Conditions) > 0 {
			continue
		}
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		if err := c.client.Status().Update(ctx, pod); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			return err
		}
	}
	return nil
}

// unexpected returns the policies that are not as expected.
func unexpected(policies []meshtlsv1alpha1.MeshTLSPolicy) []meshtlsv1alpha1.MeshTLSPolicy {
	var found []meshtlsv1alpha1.MeshTLSPolicy
	for i := range policies {
		if !asExpected(&policies[i]) {
			found = append(found, policies[i])
		}
	}
	return found
}
