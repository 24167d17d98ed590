// Package proxy says what TLS a proxy of Istio runs, as Envoy's own dump of its configuration tells, and how that differs from what the
// objects of the mesh come to.
//
// Read makes facts of a dump: the mode of each inbound port, what is sent to each destination, what a gateway serves, the certificate of
// the workload, and what the proxy has refused or waits for. Compare holds them against what package explain says of the pod, and names
// what may have caused a difference: a proxy that is behind, one that refused its configuration, an EnvoyFilter.
//
// It opens no connection and knows no cluster: dumps are handed to it. It judges nothing that explain does not know either: routes,
// authorization, and clusters that no Service or ServiceEntry declares are not compared.
package proxy
