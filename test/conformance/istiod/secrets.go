package main

import (
	"reflect"
	"time"

	"google.golang.org/protobuf/proto"
	istiomodel "istio.io/istio/pilot/pkg/model"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/spiffe"
	"istio.io/istio/pkg/util/sets"
	istioxds "istio.io/istio/pkg/xds"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/meshtls/meshtls/test/conformance/istiod/wire"
)

// Secrets returns what Istio answers the proxy that asks for secrets by name, with a ServiceAccount that may read Secrets: messages of
// Envoy. What it does not answer is left out.
func (i *Istio) Secrets(asked wire.Secrets, secrets *[][]byte) error {
	return i.ask(asked.Proxy, func(m *mesh, node *istiomodel.Proxy) error {
		clients, is := m.server.KubeClient().Kube().(*fake.Clientset)
		if !is {
			m.Fatalf("Istio's client is a %T", m.server.KubeClient().Kube())
		}
		clients.Lock()
		xds.DisableAuthorizationForSecret(clients)
		clients.Unlock()
		node.VerifiedIdentity = &spiffe.Identity{Namespace: asked.Proxy.Namespace, ServiceAccount: "default"}
		answers, _, err := m.server.Discovery.Generators[v3.SecretType].Generate(node,
			&istiomodel.WatchedResource{ResourceNames: sets.New(asked.Names...)},
			pushOfAll(m.server.PushContext()))
		if err != nil {
			return err
		}
		for _, secret := range xdstest.ExtractTLSSecrets(m.failer, istioxds.ResourcesToAny(answers)) {
			content, err := proto.Marshal(secret)
			if err != nil {
				return err
			}
			*secrets = append(*secrets, content)
		}
		return nil
	})
}

// pushOfAll returns the request for a push of all there is. Up to 1.30 it has a field that says so.
func pushOfAll(push *istiomodel.PushContext) *istiomodel.PushRequest {
	request := &istiomodel.PushRequest{Push: push, Forced: true, Start: time.Now()}
	if full := reflect.ValueOf(request).Elem().FieldByName("Full"); full.IsValid() {
		full.SetBool(true)
	}
	return request
}
