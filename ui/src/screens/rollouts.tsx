import { useState } from "preact/hooks";
import { LockIcon } from "../icons";
import { Empty, Filter, Head, NameLink, WorkloadLink } from "./parts";
import { idOf, link, overview, route } from "../state";
import { counted, moment, number, phaseWords } from "../words";
import type { Blocker, Rollout } from "../types";

/** needsSomebody tells of a rollout that does not go on by itself. */
export const needsSomebody = (r: Rollout) => r.phase === "Blocked" || r.phase === "Undone" || r.phase === "AwaitingApproval";

export const phaseOf = (r: Rollout) => (r.phase ? phaseWords[r.phase] : "Not looked at");

export function Rollouts() {
  const { rollouts, source } = overview.value!;
  const words = (route.value.query.get("filter") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const rows = rollouts.filter((r) => words.every((word) => `${r.namespace}/${r.name} ${r.target} ${phaseOf(r)} ${r.managedBy} ${(r.blockers ?? []).map((b) => b.client).join(" ")}`.toLowerCase().includes(word)));
  if (!rollouts.length) return <><Head title="Rollouts" /><None known={!source.noPolicies} /></>;
  return (
    <>
      <Head title="Rollouts" about={`${counted(rollouts.length, "policy", "policies")} on the way to Strict, or there by now.`}><Filter label="Filter rollouts" /></Head>
      <ul class="items">
        {rows.map((r) => (
          <li key={idOf(r)} class="item">
            <h2><span class="muted">{r.namespace}/</span>{r.name}<Phase of={r} /></h2>
            <Standing of={r} />
          </li>
        ))}
      </ul>
      {!rows.length && <Empty title="No rollout fits the filter"><p>Words are looked for in names, targets, phases and clients.</p></Empty>}
    </>
  );
}

function None({ known }: { known: boolean }) {
  return (
    <Empty title="There are no rollouts">
      <p>A rollout keeps a workload Permissive until traffic shows that Strict refuses nobody.</p>
      <p>{known ? "To begin one, open a workload, choose Change, and then Strict." : "The cluster does not know MeshTLSPolicy. Install the operator to begin one."}</p>
      {known && <p><a class="button" href={link("workloads") + "?filter=accepts:permissive"}>Permissive workloads</a></p>}
    </Empty>
  );
}

export function Phase({ of: r }: { of: Rollout }) {
  return <span class={`state ${needsSomebody(r) ? "strong" : ""}`}>{phaseOf(r)}{r.since && ` since ${moment(r.since)}`}</span>;
}

/** Standing says how far a rollout has come, who blocks it, what is next and what can be done. At is the workload on whose page it is. */
export function Standing({ of: r, at }: { of: Rollout; at?: number }) {
  const hidden = (r.blockersCount ?? 0) - (r.blockers?.length ?? 0);
  return (
    <>
      <dl class="facts wider">
        {(at === undefined || !r.workloads?.includes(at)) && <><dt>Target</dt><dd><Target of={r} /></dd></>}
        <Times of={r} />
        <Seen of={r} />
        {r.managedBy && <><dt>Managed by</dt><dd>{r.managedBy}</dd></>}
      </dl>
      {r.message && <p>{r.message}</p>}
      {r.blockers && <ul class="ends blockers" aria-label={`Clients that block ${idOf(r)}`}>{r.blockers.map((b) => <Client key={`${b.client} ${b.server} ${b.ports}`} of={b} at={at} />)}</ul>}
      {hidden > 0 && <p class="muted small">{counted(hidden, "more client")}; the status has room for ten.</p>}
      <p><b>Next:</b> {r.next}</p>
      {r.commands?.map((c) => <Command key={c.does} does={c.does} text={c.text} />)}
    </>
  );
}

function Target({ of: r }: { of: Rollout }) {
  if (!r.workloads?.length) return <>{r.target || "not found yet"}</>;
  return <>{r.workloads.map((at, n) => <span key={at}>{n > 0 && ", "}<WorkloadLink at={at} /></span>)}{r.target && <span class="muted">, {r.target}</span>}</>;
}

function Times({ of: r }: { of: Rollout }) {
  return (
    <>
      {r.cleanSince && !r.switchedAt && r.phase !== "Blocked" && r.phase !== "Completed" && <><dt>Clean since</dt><dd>{moment(r.cleanSince)}, of {r.observe} that are needed</dd></>}
      {r.stoppedAt && <><dt>Time stands still</dt><dd>since {moment(r.stoppedAt)}</dd></>}
      {r.cleanUntil && <><dt>Clean time is over</dt><dd>{moment(r.cleanUntil)}, if no such call comes before</dd></>}
      {r.switchAt && <><dt>Next switch</dt><dd>{moment(r.switchAt)}</dd></>}
      {r.switchedAt && <><dt>Strict since</dt><dd>{moment(r.switchedAt)}</dd></>}
      {r.mode && r.phase !== "Completed" && <><dt>Accepts now</dt><dd>{r.mode}{r.strictPorts && `; Strict at ${r.strictPorts.join(", ")}`}</dd></>}
      {r.gate !== "Evidence" && r.phase !== "Completed" && <><dt>Gate</dt><dd>{r.gate === "Manual" ? "Manual: somebody approves" : "Timer: without evidence"}</dd></>}
    </>
  );
}

function Seen({ of: { coverage: c } }: { of: Rollout }) {
  if (!c) return null;
  return <><dt>Seen</dt><dd>{number(c.mutualTLS ?? 0)} of {counted(c.requests ?? 0, "call")} with mutual TLS; {c.reporting ?? 0} of {counted(c.pods ?? 0, "pod")} report{c.source && `; ${c.source}`}{c.from && ` from ${moment(c.from)}`}</dd></>;
}

function Client({ of: b, at }: { of: Blocker; at: number | undefined }) {
  const [namespace, name] = b.client.split("/");
  const server = b.server?.split("/");
  const own = at !== undefined && b.server === idOf(overview.value?.workloads[at] ?? {});
  return (
    <li>
      <LockIcon lock="refused" />
      <div>
        <p><NameLink of={name ? { namespace: namespace!, name } : undefined} />{server?.[1] && !own && <> calls <NameLink of={{ namespace: server[0]!, name: server[1] }} /></>}{b.ports?.length ? ` at port ${b.ports.join(" or ")}` : ""}</p>
        <p class="muted small">{[b.service && `Service ${b.service}`, `${counted(b.requests ?? 0, b.protocol === "tcp" ? "connection" : "request")} without mutual TLS`, b.lastSeen && `last ${moment(b.lastSeen)}`].filter(Boolean).join(", ")}</p>
        {b.hint && <p class="small">{b.hint}</p>}
      </div>
    </li>
  );
}

/** wordsOf are the parts of a command that stay on one line: a browser would break it after the hyphen of a flag. */
const wordsOf = (command: string) => command.match(/-n \S+|\S+/g) ?? [];

function Command({ does, text }: { does: string; text: string }) {
  const [told, tell] = useState("");
  const copy = () => navigator.clipboard.writeText(text).then(() => tell("Copied."), () => tell("The browser does not allow copying. Mark the command."));
  return (
    <div class="command">
      <span class="muted small">{does}</span><code>{wordsOf(text).map((word, n) => <>{n > 0 && " "}<span class="word">{word}</span></>)}</code>
      <button type="button" class="button small" aria-label={`Copy: ${text}`} onClick={copy}>Copy</button>
      <span role="status" class="muted small">{told}</span>
    </div>
  );
}
