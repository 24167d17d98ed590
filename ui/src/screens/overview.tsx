import { AcceptTag, LockTag } from "../icons";
import { Empty, Head, CallsTable } from "./parts";
import { phaseOf } from "./rollouts";
import { findingsOf, idOf, link, overview } from "../state";
import { counted, number } from "../words";
import type { Accepts, Lock, Workload } from "../types";

const shown: Accepts[] = ["Strict", "Permissive", "Disable", "NoProxy"];

/** share is how many ports take what; those that nothing captures count as without proxy. */
function share(workloads: Workload[]): Map<Accepts, number> {
  const ports = new Map<Accepts, number>();
  for (const w of workloads) {
    if (w.proxy === "Gateway") continue;
    for (const p of w.ports) {
      const as = p.accepts === "Uncaptured" ? "NoProxy" : p.accepts;
      ports.set(as, (ports.get(as) ?? 0) + 1);
    }
  }
  return ports;
}

const total = (ports: Map<Accepts, number>) => [...ports.values()].reduce((a, b) => a + b, 0);

function Bar({ ports }: { ports: Map<Accepts, number> }) {
  const all = total(ports);
  let x = 0;
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={shown.map((a) => `${a} ${ports.get(a) ?? 0}`).join(", ")}>
      {all === 0 ? <rect class="bar-none" width="100" height="8" /> : shown.map((a) => {
        const width = ((ports.get(a) ?? 0) / all) * 100;
        const rect = <rect key={a} class={`bar-${a}`} x={x} width={Math.max(0, width - (width > 1 ? 0.4 : 0))} height="8" />;
        x += width;
        return rect;
      })}
    </svg>
  );
}

export function Overview() {
  const seen = overview.value!;
  if (!seen.workloads.length) return <><Head title="Overview" /><Empty title="There are no workloads"><p>No pod was found in what was read. {seen.source.files ? "Name folders that hold Deployments or Pods with -f." : "Check the context and your rights."}</p></Empty></>;
  const ports = share(seen.workloads);
  const locks = new Map<Lock, number>();
  for (const e of seen.edges) locks.set(e.lock, (locks.get(e.lock) ?? 0) + 1);
  const worst = seen.edges.filter((e) => e.lock === "none" || e.lock === "mixed" || e.lock === "refused");
  const errors = seen.findings.filter((f) => f.severity === "Error").length;
  return (
    <>
      <Head title="Overview" about={`${counted(seen.workloads.length, "workload")} in ${counted(new Set(seen.workloads.map((w) => w.namespace)).size, "namespace")}, with ${counted(total(ports), "port")}.`} />
      <section class="cards" aria-label="Figures">
        <div class="card"><h2>Ports</h2><Bar ports={ports} />
          <ul class="legend">{shown.map((a) => <li key={a}><AcceptTag accepts={a} /><b>{number(ports.get(a) ?? 0)}</b></li>)}</ul></div>
        <div class="card"><h2>Calls</h2>
          <ul class="legend">{(["all", "mixed", "none", "refused", "unknown", "allowed"] as Lock[]).map((l) => <li key={l}><LockTag lock={l} /><b>{number(locks.get(l) ?? 0)}</b></li>)}</ul></div>
        <div class="card"><h2>Findings and policies</h2>
          <ul class="legend">
            <li><a href={link("findings")}>Errors</a><b>{errors}</b></li>
            <li><a href={link("findings")}>Warnings</a><b>{seen.findings.filter((f) => f.severity === "Warning").length}</b></li>
            <li><a href={link("policies")}>Policies</a><b>{seen.policies.length}</b></li>
            <li><a href={link("policies")}>Policies that are not ready</a><b>{seen.policies.filter((p) => p.ready !== "True").length}</b></li>
          </ul></div>
        <div class="card"><h2>Rollouts to Strict</h2><RolloutCounts /></div>
      </section>
      <h2>Namespaces</h2>
      <Namespaces />
      {worst.length > 0 && <><h2>Calls that are not all mutual TLS</h2><CallsTable edges={worst} caption="Calls that are not all mutual TLS" /></>}
    </>
  );
}

/** RolloutCounts counts rollouts by phase; they come with those first that need somebody. */
function RolloutCounts() {
  const phases = new Map<string, number>();
  for (const r of overview.value!.rollouts) phases.set(phaseOf(r), (phases.get(phaseOf(r)) ?? 0) + 1);
  if (!phases.size) return <p class="muted">None. Choose Change on the page of a workload to begin one.</p>;
  return <ul class="legend">{[...phases].map(([phase, n]) => <li key={phase}><a href={link("rollouts") + `?filter=${encodeURIComponent(phase.toLowerCase())}`}>{phase}</a><b>{number(n)}</b></li>)}</ul>;
}

function Namespaces() {
  const seen = overview.value!;
  const by = new Map<string, Workload[]>();
  for (const w of seen.workloads) by.set(w.namespace, [...(by.get(w.namespace) ?? []), w]);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Namespaces">
      <table class="list">
        <thead><tr><th>Namespace</th><th>Ports</th><th class="num">Workloads</th><th class="num">Strict</th><th class="num">Findings</th><th class="wide">Map</th></tr></thead>
        <tbody>{[...by].map(([namespace, workloads]) => {
          const ports = share(workloads), all = total(ports);
          return (
            <tr key={idOf({ namespace })}>
              <td><a href={link("workloads") + `?filter=ns:${encodeURIComponent(namespace)}`}>{namespace}</a></td><td class="bar-cell"><Bar ports={ports} /></td>
              <td class="num">{workloads.length}</td><td class="num">{all ? `${ports.get("Strict") ?? 0} of ${all}` : "–"}</td>
              <td class="num">{findingsOf.value.get(namespace)?.length ?? 0}</td><td class="wide"><a href={link("map", namespace)}>Map</a></td>
            </tr>
          );
        })}</tbody>
      </table>
    </div>
  );
}
