// Writes series as Prometheus answers a query for them: the calls of the shop in config/samples.
import { writeFileSync } from "node:fs";

const step = 300, steps = 25;

/** calls are client, server, protocol, with mutual TLS, and without. */
const shop = [
  ["istio-ingress/istio-ingressgateway", "shop/frontend", "http", 48210, 0],
  ["shop/frontend", "shop/catalog", "http", 36544, 0, "catalog"],
  ["shop/frontend", "shop/orders-db", "tcp", 812, 0, "orders-db"],
  ["shop/frontend", "payments/payments", "http", 5120, 0, "payments"],
  ["shop/reports", "shop/orders-db", "tcp", 96, 31, "orders-db"],
  ["shop/reports", "shop/catalog", "http", 288, 0, "catalog"],
  ["", "shop/catalog", "http", 0, 1440, "catalog"],
  ["legacy/mainframe", "shop/reports", "grpc", 0, 212, "reports"],
  ["warehouse/scanners", "shop/catalog", "http", 0, 380, "catalog"],
  ["warehouse/stock", "shop/orders-db", "tcp", 40, 0, "orders-db"],
  ["legacy/bridge", "payments/payments", "http", 610, 0, "payments"],
];

const series = (metric, count, end) => ({
  metric,
  values: Array.from({ length: steps }, (_, n) => [end - (steps - 1 - n) * step, String(1000 + Math.round((count * n) / (steps - 1)))]),
});

export function record(path, calls = shop, end = Math.floor(Date.now() / 1000)) {
  const result = [];
  const servers = new Set();
  for (const [client, server, protocol, mutual, other, service] of calls) {
    const [sourceNamespace, source] = client.split("/");
    const [namespace, name] = server.split("/");
    servers.add(server);
    for (const [security, count] of [["mutual_tls", mutual], ["none", other]]) {
      if (!count) continue;
      result.push(series({
        __name__: protocol === "tcp" ? "istio_tcp_connections_opened_total" : "istio_requests_total", reporter: "destination",
        destination_workload_namespace: namespace, destination_workload: name, destination_service_name: service ?? name,
        source_workload_namespace: client ? sourceNamespace : "unknown", source_workload: client ? source : "unknown",
        source_principal: security === "none" ? "unknown" : `spiffe://cluster.local/ns/${sourceNamespace}/sa/default`,
        request_protocol: protocol, connection_security_policy: security,
      }, count, end));
    }
  }
  for (const server of servers) {
    const [namespace, name] = server.split("/");
    result.push(series({ __name__: "istio_build", component: "proxy", namespace, pod: `${name}-deployment-0`, instance: "10.0.0.1:15090" }, 0, end));
  }
  writeFileSync(path, JSON.stringify({ status: "success", data: { resultType: "matrix", result } }));
}
