import { AcceptTag, LockIcon } from "../icons";
import { Empty, Filter, Head, WorkloadLink } from "./parts";
import { callsOf, count, notMutual, overview, route } from "../state";
import { keys, parse } from "../filter";
import { counted, number } from "../words";
import type { Accepts, Lock, Workload } from "../types";

const order: Accepts[] = ["NoProxy", "Uncaptured", "Disable", "Permissive", "Strict", "Servers"];

/** modes are the different answers of the ports, the weakest first. */
const modes = (w: Workload) => {
  const all = new Set(w.ports.map((p) => p.accepts));
  if (!all.size && w.others) all.add(w.others);
  return order.filter((a) => all.has(a));
};

export function Workloads() {
  const seen = overview.value!;
  const test = parse(route.value.query.get("filter") ?? "");
  const rows = seen.workloads.map((w, at) => ({ w, at })).filter(({ w, at }) => test(w, at));
  return (
    <>
      <Head title="Workloads" about={rows.length === seen.workloads.length ? counted(rows.length, "workload") : `${number(rows.length)} of ${counted(seen.workloads.length, "workload")}`}>
        <Filter label="Filter workloads" hint="Filter: ns:shop accepts:permissive not-mtls:>0" />
      </Head>
      {rows.length === 0
        ? <Empty title="No workload fits the filter"><p>Words are looked for in the names. These can be named: {keys.map((k) => <code key={k}>{k} </code>)}</p></Empty>
        : <div class="rows" role="table" aria-label="Workloads" aria-rowcount={rows.length + 1}>
          <div class="rows-head" role="row"><span role="columnheader">Workload</span><span role="columnheader">Accepts</span><span role="columnheader" class="wide">Ports</span><span role="columnheader">Calls</span><span role="columnheader" class="num">Not mutual TLS</span></div>
          {rows.map(({ w, at }) => <Row key={at} w={w} at={at} />)}
        </div>}
    </>
  );
}

function Row({ w, at }: { w: Workload; at: number }) {
  const other = notMutual(at);
  return (
    <div class="rows-row" role="row">
      <span role="cell"><WorkloadLink at={at} /><small class="muted">{w.kind}, {counted(w.pods, "pod")}{w.proxy === "Ambient" ? ", ambient" : ""}</small></span>
      <span role="cell" class="tags">{modes(w).map((a) => <AcceptTag key={a} accepts={a} />)}</span>
      <span role="cell" class="wide mono">{w.ports.map((p) => p.port).join(" ")}</span>
      <span role="cell" class="calls"><Calls at={at} /></span>
      <span role="cell" class={`num other ${other ? "strong" : "muted zero"}`}>{number(other)}<span class="narrow"> not mutual TLS</span></span>
    </div>
  );
}

/** Calls counts who calls the workload, by lock. */
function Calls({ at }: { at: number }) {
  const into = callsOf.value.into[at] ?? [];
  const locks = (["refused", "none", "mixed", "unknown", "all", "allowed"] as Lock[]).map((lock) => ({ lock, n: into.filter((e) => e.lock === lock).length }));
  if (!into.length) return <span class="muted">no calls</span>;
  return <>{locks.filter(({ n }) => n).map(({ lock, n }) => <span key={lock} class="pair"><LockIcon lock={lock} />{n}</span>)}<span class="hidden">{counted(into.reduce((s, e) => s + count(e).total, 0), "call")}</span></>;
}
