// Makes a mesh of many workloads that call each other, as manifests and recorded series.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { record } from "./recording.js";

export function large(folder, workloads, calls) {
  const perNamespace = 25, documents = [];
  const id = (n) => `n${Math.floor(n / perNamespace)}/w${n}`;
  for (let n = 0; n < workloads; n++) {
    const [namespace, name] = id(n).split("/"), labels = { app: name };
    if (n % perNamespace === 0) documents.push({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: { "istio-injection": "enabled" } } });
    documents.push(
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace }, spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "a", ports: [{ name: "http", containerPort: 8080 }] }] } } } },
      { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: 8080 }] } },
    );
  }
  const pairs = new Map();
  for (let n = 0; pairs.size < calls; n++) {
    const from = (n * 7919) % workloads, to = (from + 1 + ((n * 104729) % 37)) % workloads;
    pairs.set(`${from} ${to}`, [id(from), id(to), "http", 100 + n, n % 9 ? 0 : 5]);
  }
  const mesh = join(folder, "mesh.yaml"), recording = join(folder, "recording.json");
  writeFileSync(mesh, documents.map((d) => JSON.stringify(d)).join("\n---\n"));
  record(recording, [...pairs.values()]);
  return { mesh, recording };
}
