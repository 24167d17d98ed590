package gatewayapi

import (
	"fmt"
	random "math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/meshtls/meshtls/internal/istio/gatewayapi"
	"github.com/meshtls/meshtls/internal/model"
)

// randomWorlds is how many worlds are drawn.
const randomWorlds = 200

// read is what comes of a listener.
type read struct {
	Server   *networkingapi.Server
	Services string
}

// TestListeners compares the servers of random worlds, and wants that these are not all alike.
func TestListeners(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(randomWorlds) {
		w := drawn{random.New(random.NewPCG(seed, 16))}.world()
		got := ours(w, nil)
		if diff := cmp.Diff(theirs(t, w), got, protocmp.Transform()); diff != "" {
			t.Errorf("seed %d (-Istio +ours):\n%s", seed, diff)
		}
		for _, r := range got {
			seen[what(r.Server.GetTls())]++
		}
	}
	for _, kind := range []string{
		"none", "SIMPLE", "SIMPLE with a certificate", "SIMPLE with 2 certificates", "MUTUAL with a certificate and authorities",
		"OPTIONAL_MUTUAL with a certificate and authorities", "ISTIO_MUTUAL", "PASSTHROUGH", "AUTO_PASSTHROUGH",
	} {
		if seen[kind] == 0 {
			t.Errorf("no world has a listener whose TLS is %s: %v", kind, seen)
		}
	}
}

// TestListenersNotice wants that a reading which is wrong in one respect is told from Istio's.
func TestListenersNotice(t *testing.T) {
	mutants := map[string]func(*model.Inventory){
		"grants do not count":      func(i *model.Inventory) { i.Partial = true },
		"nothing is granted":       func(i *model.Inventory) { i.ReferenceGrants = nil },
		"namespaces have no label": func(i *model.Inventory) { i.Namespaces = nil },
		"clients are not validated": func(i *model.Inventory) {
			for n, g := range i.KubernetesGateways {
				i.KubernetesGateways[n] = g.DeepCopy()
				i.KubernetesGateways[n].Spec.TLS = nil
			}
		},
		"Gateways are managed": func(i *model.Inventory) {
			for n, g := range i.KubernetesGateways {
				i.KubernetesGateways[n] = g.DeepCopy()
				i.KubernetesGateways[n].Spec.Addresses = nil
			}
		},
	}
	for name, change := range mutants {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(randomWorlds) {
				w := drawn{random.New(random.NewPCG(seed, 16))}.world()
				if cmp.Diff(ours(w, nil), ours(w, change), protocmp.Transform()) != "" {
					return // TestListeners holds the unchanged one against Istio's
				}
			}
			t.Error("no world tells it from what is right")
		})
	}
}

// what says what a listener does, in words.
func what(tls *networkingapi.ServerTLSSettings) string {
	if tls == nil {
		return "none"
	}
	words := tls.Mode.String()
	switch {
	case len(tls.CredentialNames) > 0:
		words += fmt.Sprintf(" with %d certificates", len(tls.CredentialNames))
	case strings.HasPrefix(tls.CredentialName, "kubernetes-gateway://"):
		words += " with a certificate"
	}
	if tls.CaCertCredentialName != "" {
		words += " and authorities"
	}
	return words
}

// theirs are the listeners as Istio reads them, by the name of the Gateway that it makes of each.
func theirs(t *testing.T, w world) map[string]read {
	t.Helper()
	all := map[string]read{}
	for _, c := range converted(t, w.objects(t)) {
		all[c.Namespace+"/"+c.Name] = read{Server: serverOf(c), Services: servicesOf(c)}
	}
	return all
}

// ours are the listeners as we read them, of an inventory that may be changed before.
func ours(w world, change func(*model.Inventory)) map[string]read {
	inventory := model.Inventory{
		KubernetesGateways: append([]*gatewayv1.Gateway(nil), w.gateways...), ReferenceGrants: w.grants, Namespaces: namespaces,
	}
	if change != nil {
		change(&inventory)
	}
	all := map[string]read{}
	for _, l := range gatewayapi.Listeners(inventory) {
		if l.Gateway != nil {
			all[l.Gateway.Namespace+"/"+l.Gateway.Name] = read{
				Server: l.Gateway.Spec.Servers[l.Index], Services: strings.Join(l.Services, ","),
			}
		}
	}
	return all
}
