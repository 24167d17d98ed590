package istio

import "testing"

func TestKindOf(t *testing.T) {
	cases := map[string]struct {
		protocol    string
		tlsSettings bool
		want        ServerKind
	}{
		"HTTP":                            {protocol: "HTTP", want: ServerKind{Family: FamilyHTTP}},
		"HTTP by another name":            {protocol: "grpc-Web", want: ServerKind{Family: FamilyHTTP}},
		"a redirect stays HTTP":           {protocol: "HTTP", tlsSettings: true, want: ServerKind{Family: FamilyHTTP, HoldsHosts: true}},
		"HTTPS":                           {protocol: "HTTPS", tlsSettings: true, want: ServerKind{Family: FamilyTLS, HoldsHosts: true}},
		"TLS settings make any other TLS": {protocol: "MONGO", tlsSettings: true, want: ServerKind{Family: FamilyTLS, HoldsHosts: true}},
		"HTTPS without TLS settings":      {protocol: "HTTPS", want: ServerKind{Family: FamilyTCP}},
		"a database":                      {protocol: "MONGO", want: ServerKind{Family: FamilyTCP}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := KindOf(tc.protocol, tc.tlsSettings); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestFamilyExcludes(t *testing.T) {
	type pair struct{ older, younger Family }
	want := map[pair]bool{
		{FamilyHTTP, FamilyHTTP}: false, {FamilyHTTP, FamilyTLS}: true, {FamilyHTTP, FamilyTCP}: true,
		{FamilyTLS, FamilyHTTP}: false, {FamilyTLS, FamilyTLS}: false, {FamilyTLS, FamilyTCP}: false,
		{FamilyTCP, FamilyHTTP}: true, {FamilyTCP, FamilyTLS}: true, {FamilyTCP, FamilyTCP}: true,
	}
	for p, excluded := range want {
		if got := p.older.Excludes(p.younger); got != excluded {
			t.Errorf("%s excludes a younger %s: got %t, want %t", p.older, p.younger, got, excluded)
		}
	}
}

func TestSpelledOut(t *testing.T) {
	cases := map[string]struct{ host, want, wantName string }{
		"of everybody":            {host: "a.example", want: "a.example", wantName: "a.example"},
		"of everybody, written":   {host: "*/a.example", want: "a.example", wantName: "a.example"},
		"of the own namespace":    {host: "./a.example", want: "edge/a.example", wantName: "a.example"},
		"of another namespace":    {host: "shop/a.example", want: "shop/a.example", wantName: "a.example"},
		"a wildcard of everybody": {host: "*", want: "*", wantName: "*"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := SpelledOut(tc.host, "edge")
			if got != tc.want || HostName(got) != tc.wantName {
				t.Errorf("got %s with the name %s, want %s with the name %s", got, HostName(got), tc.want, tc.wantName)
			}
		})
	}
}
