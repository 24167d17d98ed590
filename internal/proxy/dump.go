package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNoDump is returned for what is no dump of the configuration of a proxy of Istio.
var ErrNoDump = errors.New("it is no config_dump of a proxy of Istio")

// dump is Envoy's answer to /config_dump.
// Source: envoy api/envoy/admin/v3/config_dump_shared.proto, config_dump.proto.
type dump struct {
	Configs []section `json:"configs"`
}

// section is one part of the dump; which fields it has depends on its type.
type section struct {
	Type             string            `json:"@type"`
	Bootstrap        bootstrap         `json:"bootstrap"`
	DynamicListeners []dynamicListener `json:"dynamic_listeners"`
	ActiveClusters   []dynamicCluster  `json:"dynamic_active_clusters"`
	WarmingClusters  []dynamicCluster  `json:"dynamic_warming_clusters"`
	ActiveSecrets    []dynamicSecret   `json:"dynamic_active_secrets"`
	WarmingSecrets   []dynamicSecret   `json:"dynamic_warming_secrets"`
}

type bootstrap struct {
	Node struct {
		ID       string       `json:"id"`
		Metadata nodeMetadata `json:"metadata"`
	} `json:"node"`
}

// nodeMetadata is what pilot-agent tells istiod of its pod.
// Source: istio pkg/model/proxy.go, NodeMetadata.
type nodeMetadata struct {
	Name             string            `json:"NAME"`
	Namespace        string            `json:"NAMESPACE"`
	ServiceAccount   string            `json:"SERVICE_ACCOUNT"`
	IstioVersion     string            `json:"ISTIO_VERSION"`
	InterceptionMode string            `json:"INTERCEPTION_MODE"`
	Annotations      map[string]string `json:"ANNOTATIONS"`
}

type dynamicListener struct {
	Name   string `json:"name"`
	Active *struct {
		Listener listener    `json:"listener"`
		Updated  metav1.Time `json:"last_updated"`
	} `json:"active_state"`
	Warming *struct{} `json:"warming_state"`
	Error   *failure  `json:"error_state"`
}

// failure is the last update that Envoy refused.
type failure struct {
	Details string `json:"details"`
}

type listener struct {
	Direction string `json:"traffic_direction"`
	Address   struct {
		Socket struct {
			Port int32 `json:"port_value"`
		} `json:"socket_address"`
	} `json:"address"`
	Chains  []filterChain `json:"filter_chains"`
	Default *filterChain  `json:"default_filter_chain"`
}

type filterChain struct {
	Name  string `json:"name"`
	Match struct {
		Port        int32    `json:"destination_port"`
		ServerNames []string `json:"server_names"`
	} `json:"filter_chain_match"`
	Socket *transportSocket `json:"transport_socket"`
}

type dynamicCluster struct {
	Cluster struct {
		Name    string           `json:"name"`
		Socket  *transportSocket `json:"transport_socket"`
		Matches []struct {
			Name   string          `json:"name"`
			Socket transportSocket `json:"transport_socket"`
		} `json:"transport_socket_matches"`
	} `json:"cluster"`
	Updated metav1.Time `json:"last_updated"`
	Error   *failure    `json:"error_state"`
}

type transportSocket struct {
	Name   string     `json:"name"`
	Config tlsContext `json:"typed_config"`
}

// tlsContext is the upstream or the downstream TLS context.
type tlsContext struct {
	RequireClientCertificate bool   `json:"require_client_certificate"`
	SNI                      string `json:"sni"`
	Common                   struct {
		Certificates    []named         `json:"tls_certificate_sds_secret_configs"`
		Validation      json.RawMessage `json:"validation_context"`
		ValidationByRef *named          `json:"validation_context_sds_secret_config"`
		Combined        *struct {
			Default struct {
				SANs []struct {
					Exact string `json:"exact"`
				} `json:"match_subject_alt_names"`
				SPKI   []string `json:"verify_certificate_spki"`
				Hashes []string `json:"verify_certificate_hash"`
			} `json:"default_validation_context"`
			Secret *named `json:"validation_context_sds_secret_config"`
		} `json:"combined_validation_context"`
	} `json:"common_tls_context"`
}

type named struct {
	Name string `json:"name"`
}

type dynamicSecret struct {
	Name   string `json:"name"`
	Secret struct {
		Certificate *struct {
			Chain struct {
				Inline []byte `json:"inline_bytes"`
			} `json:"certificate_chain"`
		} `json:"tls_certificate"`
	} `json:"secret"`
	Error *failure `json:"error_state"`
}

// decode reads a dump, and lays its sections side by side.
func decode(content []byte) (section, error) {
	var read dump
	if err := json.Unmarshal(content, &read); err != nil {
		return section{}, fmt.Errorf("%w: %w", ErrNoDump, err)
	}
	var all section
	for _, s := range read.Configs {
		if strings.HasSuffix(s.Type, ".BootstrapConfigDump") {
			all.Bootstrap = s.Bootstrap
		}
		all.DynamicListeners = append(all.DynamicListeners, s.DynamicListeners...)
		all.ActiveClusters = append(all.ActiveClusters, s.ActiveClusters...)
		all.WarmingClusters = append(all.WarmingClusters, s.WarmingClusters...)
		all.ActiveSecrets = append(all.ActiveSecrets, s.ActiveSecrets...)
		all.WarmingSecrets = append(all.WarmingSecrets, s.WarmingSecrets...)
	}
	if all.Bootstrap.Node.Metadata.Name == "" {
		return section{}, ErrNoDump
	}
	return all, nil
}
