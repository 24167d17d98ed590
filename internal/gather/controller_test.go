package gather_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshtls/meshtls/internal/gather"
	"github.com/meshtls/meshtls/internal/model"
)

func TestInventoryPods(t *testing.T) {
	tests := map[string]struct {
		metadata string
		want     model.Controller
	}{
		"a pod of its own": {metadata: "labels: {app: a}"},
		"a Deployment's pod is not its ReplicaSet's": {
			metadata: "labels: {pod-template-hash: 5d9}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a-5d9, controller: true, uid: u}]",
			want:     model.Controller{Kind: "Deployment", Name: "a"},
		},
		"a ReplicaSet without a Deployment": {
			metadata: "labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a-5d9, controller: true, uid: u}]",
			want:     model.Controller{Kind: "ReplicaSet", Name: "a-5d9"},
		},
		"a StatefulSet": {
			metadata: "labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: a, controller: true, uid: u}]",
			want:     model.Controller{Kind: "StatefulSet", Name: "a"},
		},
		"an owner that is no controller": {
			metadata: "labels: {app: a}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: a, uid: u}]",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pods := pod("a-1", tc.metadata, "{containers: [{name: app}]}") + pod("a-2", tc.metadata, "{containers: [{name: app}]}")
			inventory, err := gather.Inventory(t.Context(), world(t, pods), time.Time{}, gather.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(inventory.Workloads) != 1 {
				t.Fatalf("got %d workloads, want the two pods as one", len(inventory.Workloads))
			}
			want := []model.Pod{{Name: "a-1", Controller: tc.want}, {Name: "a-2", Controller: tc.want}}
			if diff := cmp.Diff(want, inventory.Workloads[0].Pods); diff != "" {
				t.Errorf("pods (-want +got):\n%s", diff)
			}
		})
	}
}
