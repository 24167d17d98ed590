package main

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	securityapi "istio.io/api/security/v1beta1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"
	istiomodel "istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/serviceregistry/ambient"
	"istio.io/istio/pkg/activenotifier"
	"istio.io/istio/pkg/cluster"
	istiomesh "istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/gvr"
	istiokube "istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/kube/multicluster"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// kindsOfAmbient are those whose CRDs the index of ambient waits for.
var kindsOfAmbient = []schema.GroupVersionResource{
	gvr.AuthorizationPolicy, gvr.PeerAuthentication, gvr.KubernetesGateway, gvr.GatewayClass, gvr.WorkloadEntry, gvr.ServiceEntry,
}

// Ambient returns what Istio tells ztunnels of the pods of a world, and of its PeerAuthentications: nothing else of Istio's is read.
func (i *Istio) Ambient(world wire.World, told *wire.Ambient) error {
	f := &failer{}
	defer f.clean()
	return f.attempt(func() error {
		index, err := newAmbient(f, world)
		if err != nil {
			return err
		}
		for _, policy := range index.Policies(nil) {
			content, err := proto.Marshal(policy.Authorization)
			if err != nil {
				return err
			}
			told.Policies = append(told.Policies, content)
		}
		for _, address := range index.All() {
			if w := address.GetWorkload(); w != nil {
				told.Workloads = append(told.Workloads, wire.Workload{Namespace: w.Namespace, Name: w.Name, Policies: w.AuthorizationPolicies})
			}
		}
		return nil
	})
}

func newAmbient(f *failer, world wire.World) (ambient.Index, error) {
	config, err := istiomesh.ApplyMeshConfigDefaults(world.MeshConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the mesh config: %w", err)
	}
	objects, err := kubernetesObjects(world.Kubernetes)
	if err != nil {
		return nil, err
	}
	client := istiokube.NewFakeClient(objects...)
	for _, kind := range kindsOfAmbient {
		clienttest.MakeCRD(f, client, kind)
	}
	if err := createPeers(f, client, world); err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	f.Cleanup(func() { close(stop) })
	mesh, id, root := meshwatcher.NewTestWatcher(config), cluster.ID("Kubernetes"), config.GetRootNamespace()
	clusters := multicluster.NewController(multicluster.ControllerOptions{
		Client: client, ClusterID: id, SystemNamespace: root, MeshConfig: mesh, Debugger: krt.GlobalDebugHandler,
	})
	index := ambient.New(ambient.Options{
		SystemNamespace: root, DomainSuffix: domain, ClusterID: id, MeshConfig: mesh, MultiClusterController: clusters,
		XDSUpdater:     istiomodel.NewEndpointIndexUpdater(istiomodel.NewEnvironment().EndpointIndex),
		StatusNotifier: activenotifier.New(false), Debugger: krt.GlobalDebugHandler,
	})
	if err := clusters.Run(stop); err != nil {
		return nil, fmt.Errorf("starting Istio's controller of clusters: %w", err)
	}
	client.RunAndWait(stop)
	go index.Run(stop)
	istiokube.WaitForCacheSync("ambient", stop, index.HasSynced)
	return index, nil
}

func createPeers(f *failer, client istiokube.Client, world wire.World) error {
	configs, err := istioConfigs(world, func(string) bool { return true })
	if err != nil {
		return err
	}
	writer := clienttest.NewWriter[*istiosecurityv1.PeerAuthentication](f, client)
	for _, config := range configs {
		spec, is := config.Spec.(*securityapi.PeerAuthentication)
		if !is {
			continue
		}
		peer := &istiosecurityv1.PeerAuthentication{ObjectMeta: metav1.ObjectMeta{
			Namespace: config.Namespace, Name: config.Name, CreationTimestamp: metav1.NewTime(config.CreationTimestamp),
		}}
		proto.Merge(&peer.Spec, spec)
		writer.Create(peer)
	}
	return nil
}
