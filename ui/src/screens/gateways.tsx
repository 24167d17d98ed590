import { get } from "../api";
import { Empty, Head, useAnswer, WorkloadLink } from "./parts";
import { overview } from "../state";
import { decider } from "../words";
import type { Detail, Explained, Workload } from "../types";

const modeWords: Record<string, string> = {
  Plaintext: "No TLS", RedirectToHTTPS: "Redirects to https", Simple: "TLS", Mutual: "TLS with client certificates",
  OptionalMutual: "TLS, client certificates optional", IstioMutual: "Mutual TLS of the mesh", Passthrough: "Passed through by name",
  AutoPassthrough: "Passed through to the named Service",
};

export function Gateways() {
  const gateways = overview.value!.workloads.map((w, at) => ({ w, at })).filter(({ w }) => w.proxy === "Gateway");
  return (
    <>
      <Head title="Gateways" about="What each gateway listens for, and which object decides it." />
      {gateways.length ? gateways.map(({ w, at }) => <Gateway key={at} w={w} at={at} />)
        : <Empty title="There are no gateways"><p>No pod was found whose proxy is a gateway.</p></Empty>}
    </>
  );
}

function Gateway({ w, at }: { w: Workload; at: number }) {
  const { value, error } = useAnswer((signal) => get<Detail>("/api/workload", { namespace: w.namespace, name: w.name }, signal), `${w.namespace}/${w.name}`);
  return <section class="block"><h2><WorkloadLink at={at} /></h2>{error ? <p role="alert">{error}</p> : value ? value.answer.workloads.map((e) => <Servers key={e.example} of={e} />) : <p class="muted">Reading</p>}</section>;
}

/** Servers lists what a gateway listens for. */
export function Servers({ of }: { of: Explained }) {
  const servers = (of.listeners ?? []).flatMap((l) => l.servers.map((s) => ({ l, s })));
  if (!servers.length) return <p class="muted">No Gateway opens a port on these pods.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Servers of ${of.namespace}/${of.example}`}>
      <table class="list">
        <thead><tr><th class="num">Port</th><th>Hosts</th><th>TLS</th><th class="wide">Certificates</th><th class="wide">Decided by</th></tr></thead>
        <tbody>{servers.map(({ l, s }, at) => (
          <tr key={at}><td class="num mono">{s.port}{s.port !== l.port && <span class="muted"> → {l.port}</span>}</td><td>{s.hosts.join(", ")}</td><td>{modeWords[s.mode] ?? s.mode}</td>
            <td class="wide">{s.certificates?.join(", ") || <span class="muted">none</span>}</td><td class="wide muted">{decider(s.decidedBy)}</td></tr>
        ))}</tbody>
      </table>
    </div>
  );
}
