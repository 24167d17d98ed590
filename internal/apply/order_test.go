package apply

import (
	"testing"

	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
)

const (
	unset      = securityapi.PeerAuthentication_MutualTLS_UNSET
	disable    = securityapi.PeerAuthentication_MutualTLS_DISABLE
	permissive = securityapi.PeerAuthentication_MutualTLS_PERMISSIVE
	strict     = securityapi.PeerAuthentication_MutualTLS_STRICT
)

type mode = securityapi.PeerAuthentication_MutualTLS_Mode

// accepts builds the spec of a PeerAuthentication for app=a.
func accepts(workload mode, ports map[uint32]mode) *securityapi.PeerAuthentication {
	spec := &securityapi.PeerAuthentication{
		Selector: &typeapi.WorkloadSelector{MatchLabels: map[string]string{"app": "a"}},
		Mtls:     &securityapi.PeerAuthentication_MutualTLS{Mode: workload},
	}
	for port, m := range ports {
		if spec.PortLevelMtls == nil {
			spec.PortLevelMtls = map[uint32]*securityapi.PeerAuthentication_MutualTLS{}
		}
		spec.PortLevelMtls[port] = &securityapi.PeerAuthentication_MutualTLS{Mode: m}
	}
	return spec
}

func TestAcceptDirection(t *testing.T) {
	otherPods := accepts(permissive, nil)
	otherPods.Selector.MatchLabels["app"] = "b"

	tests := map[string]struct {
		before, after *securityapi.PeerAuthentication
		want          direction
	}{
		"creation of strict":                         {nil, accepts(strict, nil), tightens},
		"creation of permissive":                     {nil, accepts(permissive, nil), loosens},
		"creation of disable refuses mutual TLS":     {nil, accepts(disable, nil), tightens},
		"deletion of strict":                         {accepts(strict, nil), nil, loosens},
		"deletion of permissive may leave strict":    {accepts(permissive, nil), nil, tightens},
		"deletion of disable":                        {accepts(disable, nil), nil, loosens},
		"permissive to strict":                       {accepts(permissive, nil), accepts(strict, nil), tightens},
		"strict to permissive":                       {accepts(strict, nil), accepts(permissive, nil), loosens},
		"disable to permissive accepts mutual TLS":   {accepts(disable, nil), accepts(permissive, nil), loosens},
		"permissive to disable refuses mutual TLS":   {accepts(permissive, nil), accepts(disable, nil), tightens},
		"disable to strict":                          {accepts(disable, nil), accepts(strict, nil), tightens},
		"strict to disable":                          {accepts(strict, nil), accepts(disable, nil), loosens},
		"strict to unset":                            {accepts(strict, nil), accepts(unset, nil), loosens},
		"a port is loosened":                         {accepts(strict, nil), accepts(strict, map[uint32]mode{8080: permissive}), loosens},
		"a port's exception goes":                    {accepts(strict, map[uint32]mode{8080: permissive}), accepts(strict, nil), tightens},
		"a port that says the same is no change":     {accepts(strict, map[uint32]mode{80: permissive}), accepts(permissive, map[uint32]mode{80: permissive}), loosens},
		"one port loosens, one tightens":             {accepts(strict, map[uint32]mode{1: permissive}), accepts(strict, map[uint32]mode{2: permissive}), tightens},
		"port exceptions without a workload mode":    {nil, accepts(unset, map[uint32]mode{8080: permissive}), loosens},
		"nothing about the modes differs":            {accepts(strict, nil), accepts(strict, nil), tightens},
		"the selector was changed under our feet":    {otherPods, accepts(permissive, nil), tightens},
		"a port that inherits follows its workload":  {accepts(permissive, map[uint32]mode{1: unset}), accepts(strict, map[uint32]mode{1: permissive}), tightens},
		"permissive port under disable is loosening": {accepts(disable, nil), accepts(disable, map[uint32]mode{1: permissive}), loosens},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := acceptDirection(tc.before, tc.after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// serves builds the spec of a Gateway with one server per TLS block, on ascending ports from 443.
func serves(blocks ...*networkingapi.ServerTLSSettings) *networkingapi.Gateway {
	spec := &networkingapi.Gateway{}
	for i, tls := range blocks {
		spec.Servers = append(spec.Servers, &networkingapi.Server{
			Port:  &networkingapi.Port{Number: uint32(443 + i)},
			Hosts: []string{"a.example"},
			Tls:   tls,
		})
	}
	return spec
}

func TestGatewayDirection(t *testing.T) {
	tls := func(m networkingapi.ServerTLSSettings_TLSmode) *networkingapi.ServerTLSSettings {
		return &networkingapi.ServerTLSSettings{Mode: m}
	}
	simple, client := tls(networkingapi.ServerTLSSettings_SIMPLE), tls(networkingapi.ServerTLSSettings_MUTUAL)
	optional, through := tls(networkingapi.ServerTLSSettings_OPTIONAL_MUTUAL), tls(networkingapi.ServerTLSSettings_PASSTHROUGH)
	redirect := &networkingapi.ServerTLSSettings{HttpsRedirect: true}
	renewed := tls(networkingapi.ServerTLSSettings_SIMPLE)
	renewed.CredentialName = "renewed"

	tests := map[string]struct {
		before, after *networkingapi.Gateway
		want          direction
	}{
		"a new gateway":                        {nil, serves(simple), loosens},
		"a gateway goes":                       {serves(simple), nil, tightens},
		"a server more":                        {serves(simple), serves(simple, simple), loosens},
		"a server less":                        {serves(simple, simple), serves(simple), tightens},
		"plaintext to TLS":                     {serves(nil), serves(simple), tightens},
		"redirect to TLS":                      {serves(redirect), serves(simple), tightens},
		"TLS to plaintext":                     {serves(simple), serves(nil), loosens},
		"simple to optional client":            {serves(simple), serves(optional), tightens},
		"simple to mutual":                     {serves(simple), serves(client), tightens},
		"mutual to optional client":            {serves(client), serves(optional), loosens},
		"passthrough to terminated":            {serves(through), serves(simple), tightens},
		"one server loosens, another tightens": {serves(client, simple), serves(simple, client), tightens},
		"another certificate":                  {serves(simple), serves(renewed), tightens},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := gatewayDirection(tc.before, tc.after); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
