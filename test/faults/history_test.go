package faults

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	istionetworkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	istiosecurityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/meshtls/meshtls/internal/model"
)

// state is what is in a namespace, by kind and name.
type state map[string]model.Object

// step is one event of the namespace's history.
type step struct {
	version int
	key     string
	object  model.Object // nil: it was deleted
}

// lists returns the kinds whose history is read.
func lists() []client.ObjectList {
	return []client.ObjectList{&istiosecurityv1.PeerAuthenticationList{}, &istionetworkingv1.DestinationRuleList{}, &istionetworkingv1.GatewayList{}}
}

// keyOf names the object, the same in every namespace.
func keyOf(object model.Object) string {
	return fmt.Sprintf("%T %s", object, object.GetName())
}

// now returns the state of the namespace.
func now(ctx context.Context, namespace string) (state, error) {
	found := state{}
	for _, list := range lists() {
		if err := admin.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for _, object := range itemsOf(list) {
			found[keyOf(object)] = object
		}
	}
	return found, nil
}

func itemsOf(list client.ObjectList) []model.Object {
	var objects model.Objects
	switch typed := list.(type) {
	case *istiosecurityv1.PeerAuthenticationList:
		objects.PeerAuthentications = typed.Items
	case *istionetworkingv1.DestinationRuleList:
		objects.DestinationRules = typed.Items
	case *istionetworkingv1.GatewayList:
		objects.Gateways = typed.Items
	}
	return objects.All()
}

// record reads the history of the namespace from now on, until it is asked for it.
func record(t *testing.T, namespace string) (history func() []step) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	steps, read := make(chan step), make(chan []step)
	for _, list := range lists() {
		must(t, admin.List(ctx, list, client.InNamespace(namespace)))
		watching, err := admin.Watch(ctx, list, client.InNamespace(namespace))
		must(t, err)
		from := list.GetResourceVersion()
		go forward(ctx, watching, from, steps)
	}
	go func() {
		var all []step
		for {
			select {
			case s := <-steps:
				all = append(all, s)
			case read <- all:
				return
			}
		}
	}()
	return func() []step {
		defer cancel()
		all := <-read
		slices.SortFunc(all, func(a, b step) int { return cmp.Compare(a.version, b.version) })
		return all
	}
}

// forward hands on what is newer than a version.
func forward(ctx context.Context, from watch.Interface, version string, to chan<- step) {
	begin, _ := strconv.Atoi(version)
	for event := range from.ResultChan() {
		object, ok := event.Object.(model.Object)
		if !ok {
			continue
		}
		at, _ := strconv.Atoi(object.GetResourceVersion())
		if at <= begin {
			continue
		}
		s := step{version: at, key: keyOf(object), object: object}
		if event.Type == watch.Deleted {
			s.object = nil
		}
		select {
		case to <- s:
		case <-ctx.Done():
			return
		}
	}
}

// differences returns what two states do not have in common, in namespaces of two names.
func differences(want, got state, wantNamespace, gotNamespace string) []string {
	var found []string
	same := func(a, b model.Object) bool {
		return proto.Equal(specOf(a), specOf(b)) || strings.ReplaceAll(fmt.Sprint(specOf(a)), wantNamespace, gotNamespace) == fmt.Sprint(specOf(b))
	}
	rest := slices.Collect(maps.Values(got))
	for _, key := range slices.Sorted(maps.Keys(want)) {
		at := slices.IndexFunc(rest, func(o model.Object) bool {
			return fmt.Sprintf("%T", o) == fmt.Sprintf("%T", want[key]) && same(want[key], o)
		})
		if at < 0 {
			found = append(found, "missing: "+key)
			continue
		}
		rest = slices.Delete(rest, at, at+1)
	}
	for _, object := range rest {
		found = append(found, "too much: "+keyOf(object))
	}
	return found
}

func specOf(object model.Object) proto.Message {
	switch typed := object.(type) {
	case *istiosecurityv1.PeerAuthentication:
		return &typed.Spec
	case *istionetworkingv1.DestinationRule:
		return &typed.Spec
	case *istionetworkingv1.Gateway:
		return &typed.Spec
	default:
		return nil
	}
}

// violations returns what is wrong with the states of a history, and how many states there were.
func violations(before state, history []step) (found []string, states int) {
	after := maps.Clone(before)
	for _, s := range history {
		after.take(s)
	}
	between := maps.Clone(before)
	for _, s := range history {
		between.take(s)
		states++
		for _, problem := range slices.Concat(weaker(before, between, after), tooEarly(before, between, after)) {
			found = append(found, fmt.Sprintf("after %s (version %d): %s", s.key, s.version, problem))
		}
	}
	return found, states
}

func (s state) take(one step) {
	if one.object == nil {
		delete(s, one.key)
	} else {
		s[one.key] = one.object
	}
}

type mode = securityapi.PeerAuthentication_MutualTLS_Mode

const (
	unset      = securityapi.PeerAuthentication_MutualTLS_UNSET
	disable    = securityapi.PeerAuthentication_MutualTLS_DISABLE
	permissive = securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
	strict     = securityapi.PeerAuthentication_MutualTLS_STRICT
)

// accepts returns the mode of a workload's port: its own, the workload's, the namespace's, Istio's default.
func (s state) accepts(app string, port uint32) mode {
	chosen := []mode{unset, unset, unset, permissive}
	for _, object := range s {
		pa, is := object.(*istiosecurityv1.PeerAuthentication)
		if !is {
			continue
		}
		switch pa.Spec.GetSelector().GetMatchLabels()["app"] {
		case app:
			chosen[0], chosen[1] = pa.Spec.GetPortLevelMtls()[port].GetMode(), pa.Spec.GetMtls().GetMode()
		case "":
			chosen[2] = pa.Spec.GetMtls().GetMode()
		}
	}
	return cmp.Or(chosen...)
}

// sendsPlaintext reports whether the rule of the host for clients of the workload, or else for all clients, has them send plaintext.
func (s state) sendsPlaintext(app, host string) bool {
	var forWorkload, forAll *networkingapi.DestinationRule
	for _, object := range s {
		rule, is := object.(*istionetworkingv1.DestinationRule)
		switch {
		case !is || !strings.HasPrefix(rule.Spec.GetHost(), host+"."):
		case rule.Spec.GetWorkloadSelector().GetMatchLabels()["app"] == app:
			forWorkload = &rule.Spec
		case rule.Spec.GetWorkloadSelector() == nil:
			forAll = &rule.Spec
		}
	}
	rule := forAll
	if forWorkload != nil {
		rule = forWorkload
	}
	tls := rule.GetTrafficPolicy().GetTls()
	return tls != nil && tls.GetMode() == networkingapi.ClientTLSSettings_DISABLE
}

var (
	apps  = []string{"a", "b"}
	ports = []uint32{8080, 9999}
	hosts = []string{"a", "partner"}
)

// weaker returns the ports and clients that are weaker than before and after.
func weaker(before, between, after state) []string {
	strength := func(m mode) int { return slices.Index([]mode{disable, permissive, strict}, m) }
	var problems []string
	for _, app := range apps {
		for _, port := range ports {
			least := min(strength(before.accepts(app, port)), strength(after.accepts(app, port)))
			if got := between.accepts(app, port); strength(got) < least {
				problems = append(problems, fmt.Sprintf("%s:%d accepts %s", app, port, got))
			}
		}
		for _, host := range hosts {
			if between.sendsPlaintext(app, host) && !before.sendsPlaintext(app, host) && !after.sendsPlaintext(app, host) {
				problems = append(problems, fmt.Sprintf("%s sends plaintext to %s", app, host))
			}
		}
	}
	return problems
}

// tooEarly returns the servers that turned Strict while their clients still send plaintext.
func tooEarly(before, between, after state) []string {
	var problems []string
	for _, client := range apps {
		refused := func(s state) bool { return s.accepts("a", 8080) == strict && s.sendsPlaintext(client, "a") }
		if refused(between) && !refused(before) && !refused(after) && before.accepts("a", 8080) == permissive {
			problems = append(problems, "a is Strict, and "+client+" sends plaintext to it")
		}
	}
	return problems
}

// TestCheckerFindsViolations: a checker that finds nothing where something is would be of no use.
func TestCheckerFindsViolations(t *testing.T) {
	pa := func(name, app string, m mode) *istiosecurityv1.PeerAuthentication {
		obj := &istiosecurityv1.PeerAuthentication{}
		obj.Name = name
		obj.Spec.Mtls = &securityapi.PeerAuthentication_MutualTLS{Mode: m}
		if app != "" {
			obj.Spec.Selector = selecting(app)
		}
		return obj
	}
	namespaceStrict, namespacePermissive, workload := pa("n", "", strict), pa("n", "", permissive), pa("w", "a", strict)
	before := state{keyOf(namespaceStrict): namespaceStrict}
	loosen, shield := step{1, keyOf(namespacePermissive), namespacePermissive}, step{2, keyOf(workload), workload}
	tests := map[string]struct {
		history []step
		want    int
	}{
		"the shield first":  {[]step{shield, loosen}, 0},
		"the shield second": {[]step{loosen, shield}, len(ports)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, _ := violations(before, tc.history); len(got) != tc.want {
				t.Errorf("got %v, want %d violations", got, tc.want)
			}
		})
	}
}
