import { get } from "../api";
import { AcceptTag, LockIcon } from "../icons";
import { Head, useAnswer, WorkloadLink } from "./parts";
import { Phase, Standing } from "./rollouts";
import { callsOf, idOf, link, overview, places } from "../state";
import { ago, calls, counted, decider, number, outcomeLock, outcomeWords, refWords, span } from "../words";
import { Servers } from "./gateways";
import type { Call, Detail, Edge, Explained, Inbound, Observation, Outbound } from "../types";

export function WorkloadPage({ namespace, name }: { namespace: string; name: string }) {
  const id = idOf({ namespace, name });
  const { value: detail, error } = useAnswer((signal) => get<Detail>("/api/workload", { namespace, name }, signal), id);
  const at = places.value.get(id) ?? -1;
  return (
    <>
      <Head title={<><span class="muted">{namespace}/</span>{name}</>}
        about={detail ? `${detail.workload.kind}, ${counted(detail.workload.pods, "pod")}, ${proxyWords[detail.workload.proxy]}.` : undefined}>
        <a class="button" href={link("map", namespace, name)}>Map</a>
        {detail && !detail.settings.servers && <a class="button primary" href={link("workload", namespace, name, "change")}>Change…</a>}
      </Head>
      {error && <div class="empty" role="alert"><h2>There is nothing to show</h2><p>{error}</p><p><a href={link("workloads")}>All workloads</a></p></div>}
      {!detail && !error && <p class="muted" role="status">Reading</p>}
      {detail && <Body detail={detail} at={at} />}
    </>
  );
}

const proxyWords = { Sidecar: "with a sidecar", Gateway: "a gateway", Ambient: "in ambient mode", None: "without a proxy" };

function Body({ detail, at }: { detail: Detail; at: number }) {
  const notes = new Set([...(detail.answer.notes ?? []), ...detail.answer.workloads.flatMap((w) => w.notes ?? [])]);
  return (
    <>
      {[...notes].map((note) => <p key={note} class="note">{note}</p>)}
      {detail.rollouts?.map((r) => (
        <section key={idOf(r)} class="item on-its-way" aria-labelledby={`rollout-${r.name}`}>
          <h2 id={`rollout-${r.name}`}>Rollout to Strict <a class="muted" href={link("rollouts") + `?filter=${encodeURIComponent(idOf(r))}`}>{idOf(r)}</a><Phase of={r} /></h2>
          <Standing of={r} at={at} />
        </section>
      ))}
      <div class="columns">
        <section aria-labelledby="callers"><h2 id="callers">Who calls it</h2><Callers detail={detail} at={at} /></section>
        <section aria-labelledby="ports"><h2 id="ports">Ports</h2>{detail.answer.workloads.map((w) => <Ports key={w.example} of={w} many={detail.answer.workloads.length > 1} />)}</section>
        <section aria-labelledby="sends"><h2 id="sends">What it calls</h2><Callees of={detail.answer.workloads} at={at} /></section>
      </div>
    </>
  );
}

function Callers({ detail, at }: { detail: Detail; at: number }) {
  const into = callsOf.value.into[at] ?? [];
  const seen = detail.seen;
  return (
    <>
      {seen ? <Coverage seen={seen} /> : <p class="muted small">Configuration only. Start the page with --prometheus, --port-forward or --scrape to see calls.</p>}
      {into.length === 0 && <p class="muted">{seen ? "No call was seen." : "The configuration names no client."}</p>}
      <ul class="ends">{into.map((e) => <Caller key={e.from} edge={e} calls={(seen?.refusable ?? []).filter((c) => places.value.get(idOf(c.client ?? {})) === e.from || (e.from < 0 && !c.client?.name))} />)}</ul>
    </>
  );
}

function Coverage({ seen }: { seen: Observation }) {
  const { pods, reporting, requests, mutualTLS } = seen.coverage;
  return (
    <div class="coverage">
      <p><b>{number(mutualTLS)}</b> of <b>{number(requests)}</b> calls are mutual TLS.</p>
      <p class="muted small">{seen.source}, last {span(seen.window)}; {reporting} of {counted(pods, "pod")} report.</p>
      {seen.doubt && <p class="small">{seen.doubt}</p>}
    </div>
  );
}

function Caller({ edge, calls: refusable }: { edge: Edge; calls: Call[] }) {
  const to = overview.value?.traffic.window?.to;
  const why = new Set(refusable.flatMap((c) => c.why ?? []));
  return (
    <li>
      <LockIcon lock={edge.lock} />
      <div>
        <p><WorkloadLink at={edge.from} /></p>
        <p class="muted small">{calls(edge) ? `${calls(edge)} with mutual TLS` : "no traffic seen"}{edge.lastSeen && `, last other call ${ago(edge.lastSeen, to ? Date.parse(to) : undefined)}`}{ports(refusable)}</p>
        {[...why].map((w) => <p key={w} class="small">{w}</p>)}
      </div>
    </li>
  );
}

function ports(refusable: Call[]): string {
  const known = new Set(refusable.flatMap((c) => (c.port ? [c.port] : c.candidates ?? [])));
  return known.size ? `, at port ${[...known].join(" or ")}` : "";
}

function Ports({ of, many }: { of: Explained; many: boolean }) {
  if (of.listeners) return <Servers of={of} />;
  return (
    <>
      {many && <h3>{of.example} {of.pods > 1 && <span class="muted">and {of.pods - 1} more</span>}</h3>}
      <ul class="ports">{(of.inbound ?? []).map((p) => <PortRow key={p.port} port={p} />)}</ul>
      {of.ignored?.map((i) => <p key={refWords(i)} class="ignored small"><s>{refWords(i)}</s> ignored: {i.why}</p>)}
    </>
  );
}

function PortRow({ port }: { port: Inbound }) {
  const { accepts, decidedBy, why } = port.external;
  return (
    <li>
      <div class="port-head">
        <span class="mono strong">{port.port || "all others"}</span>
        <span class="muted small">{[port.name, port.protocols?.join(", ")].filter(Boolean).join(" · ")}</span>
        <AcceptTag accepts={accepts} />
      </div>
      {port.services?.map((s) => <p key={`${s.service}${s.port}`} class="muted small">Service {s.service}, port {s.port}{s.name ? ` (${s.name})` : ""}</p>)}
      <details><summary>{decidedBy.policies?.length ? `MeshTLSPolicy ${decidedBy.policies.join(", ")}` : decider(decidedBy)}</summary>
        <p class="small">{why}</p><p class="muted small">To the application: {port.local.carries}</p></details>
    </li>
  );
}

function Callees({ of, at }: { of: Explained[]; at: number }) {
  const seen = callsOf.value.from[at] ?? [];
  const odd = of.flatMap((w) => w.outbound ?? []).sort((a, b) => interest(a) - interest(b));
  const omitted = of[0]?.omitted ?? [];
  return (
    <>
      {seen.length === 0 && odd.length === 0 && <p class="muted">No call was seen, and no object says anything of what it sends.</p>}
      <ul class="ends">{seen.map((e) => <li key={e.to}><LockIcon lock={e.lock} /><div><p><WorkloadLink at={e.to} /></p><p class="muted small">{calls(e) ? `${calls(e)} with mutual TLS` : "no traffic seen"}</p></div></li>)}</ul>
      {odd.length > 0 && <h3>By the configuration</h3>}
      <ul class="ends">{odd.slice(0, few).map((o) => <Destination key={keyOf(o)} of={o} />)}</ul>
      {odd.length > few && <details class="more"><summary>{counted(odd.length - few, "more destination")} that something decides, or that are not mutual TLS</summary><ul class="ends">{odd.slice(few).map((o) => <Destination key={keyOf(o)} of={o} />)}</ul></details>}
      {omitted.map((o) => <p key={o.outcome} class="muted small">{counted(o.destinations, "more destination")}: {outcomeWords[o.outcome]}, as Istio does of itself.</p>)}
    </>
  );
}

const few = 5;
const keyOf = (o: Outbound) => `${o.host}:${o.port} ${o.subset ?? ""}`;

/** interest orders destinations: those that fail, then those that an object decides. */
function interest(o: Outbound): number {
  return o.endpoints.some((e) => e.outcome === "Refused") ? 0 : o.external.decidedBy.kind ? 1 : 2;
}

function Destination({ of: o }: { of: Outbound }) {
  const worst = o.endpoints[0]!;
  return (
    <li>
      <LockIcon lock={outcomeLock[worst.outcome]} label={outcomeWords[worst.outcome]} />
      <div>
        <p class="mono small">{o.host}:{o.port}</p>
        <details><summary>{outcomeWords[worst.outcome]}{worst.decidedBy.kind ? `, by ${decider(worst.decidedBy)}` : ""}</summary><p class="small">{worst.why}</p></details>
      </div>
    </li>
  );
}

