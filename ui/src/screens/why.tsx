import { get } from "../api";
import { LockIcon } from "../icons";
import { Empty, Head, useAnswer } from "./parts";
import { idOf, overview, route, setQuery } from "../state";
import { decider, outcomeLock, outcomeWords } from "../words";
import type { Answer } from "../types";

/** Why asks what becomes of a call, and what decides it. */
export function Why() {
  const { query } = route.value;
  const client = query.get("client") ?? "", host = query.get("host") ?? "";
  return (
    <>
      <Head title="Why?" about="Choose a client, and name the host that it calls." />
      <div class="form">
        <label>Client<select value={client} onChange={(e) => setQuery("client", e.currentTarget.value)}>
          <option value="">Choose a workload</option>
          {overview.value!.workloads.map((w) => <option key={idOf(w)} value={idOf(w)}>{idOf(w)}</option>)}
        </select></label>
        <label>Host, with its port or without<input value={host} placeholder="catalog.shop:80" spellcheck={false} autocomplete="off" onChange={(e) => setQuery("host", e.currentTarget.value.trim())} /></label>
      </div>
      {client && host ? <Because client={client} host={host} /> : <Empty title="Nothing is asked yet"><p>The answer names the object and the field that decide.</p></Empty>}
    </>
  );
}

function Because({ client, host }: { client: string; host: string }) {
  const [namespace, name] = client.split("/");
  const { value, error } = useAnswer((signal) => get<Answer>("/api/why", { target: `workload/${name}.${namespace}`, to: host }, signal), `${client} ${host}`);
  if (error) return <div class="empty" role="alert"><h2>There is no answer</h2><p>{error}</p></div>;
  if (!value) return <p class="muted" role="status">Reading</p>;
  return (
    <ul class="items">{value.workloads.flatMap((w) => (w.outbound ?? []).flatMap((o) => o.endpoints.map((e, at) => (
      <li key={`${o.host}${o.port}${at}`} class="item">
        <h2><LockIcon lock={outcomeLock[e.outcome]} label="" />{outcomeWords[e.outcome]}<span class="state mono">{o.host}:{o.port}{o.subset ? ` (${o.subset})` : ""}</span></h2>
        <p>{e.why}</p>
        <dl class="facts"><dt>Sends</dt><dd>{e.sends || "nothing"}</dd><dt>Decided by</dt><dd>{decider(e.decidedBy)} {e.decidedBy.field && e.decidedBy.kind && <code>{e.decidedBy.field}</code>}</dd>
          {e.accepts && <><dt>The server accepts</dt><dd>{e.accepts}</dd></>}</dl>
      </li>
    ))))}</ul>
  );
}
