import { get } from "../api";
import { LockIcon } from "../icons";
import { Empty, Head, useAnswer, WorkloadLink } from "./parts";
import { link, overview, route, workloadAt } from "../state";
import { calls, lockWords, outcomeLock, outcomeWords } from "../words";
import type { Cell, Edge, Matrix } from "../types";

export function MatrixScreen() {
  const seen = overview.value!;
  const namespaces = [...new Set(seen.workloads.map((w) => w.namespace))];
  const namespace = route.value.parts[1] ?? busiest(namespaces);
  const { value, error } = useAnswer((signal) => get<Matrix>("/api/matrix", { namespace }, signal), namespace);
  return (
    <>
      <Head title="Matrix" about="Rows call columns. The large lock is what traffic shows; the small word is what the configuration says of a call.">
        <label class="inline-label">Namespace <select value={namespace} onChange={(e) => { location.hash = link("matrix", e.currentTarget.value); }}>{namespaces.map((n) => <option key={n}>{n}</option>)}</select></label>
      </Head>
      {error && <p role="alert">{error}</p>}
      {!value && !error && <p class="muted" role="status">Reading</p>}
      {value && (value.servers.length && value.clients.length ? <Grid of={value} /> : <Empty title="There is nothing to compare"><p>No workload of {namespace} takes calls.</p></Empty>)}
    </>
  );
}

function busiest(namespaces: string[]): string {
  const n = (namespace: string) => overview.value!.workloads.filter((w) => w.namespace === namespace).length;
  return [...namespaces].sort((a, b) => n(b) - n(a))[0] ?? "";
}

function Grid({ of }: { of: Matrix }) {
  const cells = new Map(of.cells.map((c) => [`${c.from} ${c.to}`, c]));
  const edges = new Map(overview.value!.edges.map((e) => [`${e.from} ${e.to}`, e]));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Matrix of ${of.namespace}`}>
      <table class="matrix">
        <thead><tr><td /><>{of.servers.map((to) => <th key={to} scope="col"><WorkloadLink at={to} short /></th>)}</></tr></thead>
        <tbody>{of.clients.map((from) => (
          <tr key={from}><th scope="row"><WorkloadLink at={from} short={workloadAt(from)?.namespace === of.namespace} /></th>
            {of.servers.map((to) => <Square key={to} from={from} to={to} cell={cells.get(`${from} ${to}`)} edge={edges.get(`${from} ${to}`)} />)}</tr>
        ))}</tbody>
      </table>
    </div>
  );
}

function Square({ from, to, cell, edge }: { from: number; to: number; cell: Cell | undefined; edge: Edge | undefined }) {
  if (from === to) return <td class="self" aria-label="itself" />;
  const seen = edge && edge.lock !== "allowed" ? edge : undefined;
  const lock = seen?.lock ?? (cell ? (outcomeLock[cell.outcome] === "all" ? "allowed" : outcomeLock[cell.outcome]) : undefined);
  if (!lock) return <td class="muted" title="No Service leads there">–</td>;
  const words = [seen && `${lockWords[seen.lock]}: ${calls(seen)}.`, cell && `${outcomeWords[cell.outcome]}${cell.port ? ` at port ${cell.port}` : ""}. ${cell.why ?? ""}`].filter(Boolean).join(" ");
  return <td title={words} class={seen ? "seen" : ""}><LockIcon lock={lock} label={words} />{cell && <small>{outcomeWords[cell.outcome]}</small>}</td>;
}

