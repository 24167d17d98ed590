package gather

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

func TestProtocolOf(t *testing.T) {
	tests := map[string]struct {
		port corev1.ServicePort
		want string
	}{
		"the name":                                {port: corev1.ServicePort{Name: "https"}, want: "HTTPS"},
		"the name up to the hyphen":               {port: corev1.ServicePort{Name: "TLS-admin"}, want: "TLS"},
		"a name that has a hyphen of its own":     {port: corev1.ServicePort{Name: "grpc-web-admin"}, want: "GRPC-Web"},
		"the appProtocol before the name":         {port: corev1.ServicePort{Name: "http", AppProtocol: ptr.To("https")}, want: "HTTPS"},
		"an appProtocol of Kubernetes":            {port: corev1.ServicePort{Name: "a", AppProtocol: ptr.To("kubernetes.io/wss")}, want: "HTTPS"},
		"an unknown appProtocol hides the name":   {port: corev1.ServicePort{Name: "http", AppProtocol: ptr.To("mine")}},
		"a name that says nothing":                {port: corev1.ServicePort{Name: "web", Port: 80}},
		"a port at which the server speaks first": {port: corev1.ServicePort{Name: "db", Port: 3306}, want: "TCP"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := protocolOf(tc.port); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestHiddenProtocolOf(t *testing.T) {
	tests := map[string]struct {
		port corev1.ServicePort
		want string
	}{
		"no appProtocol hides nothing":            {port: corev1.ServicePort{Name: "https"}},
		"one that Istio knows says more":          {port: corev1.ServicePort{Name: "http", AppProtocol: ptr.To("https")}},
		"one of Kubernetes that Istio knows":      {port: corev1.ServicePort{Name: "http", AppProtocol: ptr.To("kubernetes.io/wss")}},
		"one that Istio does not know":            {port: corev1.ServicePort{Name: "https-api", AppProtocol: ptr.To("example.com/api")}, want: "HTTPS"},
		"an empty one":                            {port: corev1.ServicePort{Name: "tls", AppProtocol: ptr.To("")}, want: "TLS"},
		"a name that says nothing is not hidden":  {port: corev1.ServicePort{Name: "web", AppProtocol: ptr.To("mine")}},
		"a port that is TCP by number hides, too": {port: corev1.ServicePort{Name: "mysql", Port: 3306, AppProtocol: ptr.To("mine")}, want: "MySQL"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := hiddenProtocolOf(tc.port); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
