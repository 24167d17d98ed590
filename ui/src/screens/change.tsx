import { useEffect, useState } from "preact/hooks";
import { Failed, get, post } from "../api";
import { AcceptTag, LockIcon } from "../icons";
import { Head, useAnswer } from "./parts";
import { link, overview } from "../state";
import { ago, counted } from "../words";
import type { Change, Detail, Mode, Port, Preview, Refusal, Settings, Way } from "../types";

const modes: { mode: Mode; about: string }[] = [
  { mode: "Strict", about: "mutual TLS only" },
  { mode: "Permissive", about: "mutual TLS and plaintext" },
  { mode: "Disable", about: "plaintext only" },
  { mode: "Inherit", about: "what the wider scope says" },
];

const ways: { way: Way; title: string; about: string }[] = [
  { way: "Rollout", title: "By way of a rollout", about: "Permissive until traffic shows that Strict refuses nobody" },
  { way: "AtOnce", title: "At once", about: "Strict as soon as the policy is applied" },
];

/** ChangeScreen lets somebody choose what each port accepts, and shows what that does before it is done. */
export function ChangeScreen({ namespace, name }: { namespace: string; name: string }) {
  const { value: detail, error } = useAnswer((signal) => get<Detail>("/api/workload", { namespace, name }, signal), `${namespace}/${name}`);
  return (
    <>
      <Head title={<><a class="crumb" href={link("workload", namespace, name)}><span class="muted">{namespace}/</span>{name}</a> <span class="muted">/</span> Change</>} about={detail && policyWords(detail.settings)} />
      {error && <div class="empty" role="alert"><h2>There is nothing to change</h2><p>{error}</p></div>}
      {detail && (detail.settings.servers ? <p class="note">A gateway accepts what its servers say; change the Gateway, or a policy with terminate, passthrough or plaintext.</p> : <Form detail={detail} />)}
    </>
  );
}

function policyWords(s: Settings): string {
  return s.new ? `The change makes a new MeshTLSPolicy ${s.policy}.` : `The change is made in MeshTLSPolicy ${s.policy}.`;
}

function Form({ detail }: { detail: Detail }) {
  const { workload: w, settings } = detail;
  const [change, choosing] = useState<Change>({ namespace: w.namespace, name: w.name });
  // What was applied is said until the next choice: the preview of it is gone by then.
  const [applied, tell] = useState("");
  const set = (next: (change: Change) => Change) => { tell(""); choosing(next); };
  const { preview, error, again } = usePreview(change);
  const modeOf = (port: number) => change.ports?.[port] ?? settings.ports[port] ?? "Inherit";
  const choosePort = (port: number, mode: Mode) => set((c) => ({ ...c, ports: { ...c.ports, [port]: mode } }));
  const mode = change.mode ?? settings.mode;
  // Who turns to Strict goes by way of a rollout, unless they choose otherwise. What is Strict already stays as it is.
  const way = change.way ?? settings.way ?? "Rollout";
  const choose = (to: Mode) => set(({ way: _, ...c }) => ({ ...c, mode: to, ...(to === "Strict" && { way: settings.way ?? "Rollout" }) }));
  const result = (port: number) => preview?.ports.find((p) => p.port === port);
  const later = (port: number) => !!preview?.rollout && result(port)?.after !== "Strict" && (port === 0 || modeOf(port) === "Inherit");
  return (
    <div class="change">
      <form onSubmit={(e) => e.preventDefault()} aria-label="What the ports accept">
        <Choice name="workload" title="The workload" about="all ports that have no mode of their own" chosen={mode} choose={choose} result={result(0)} later={later(0)} />
        {mode === "Strict" && <WayChoice chosen={way} choose={(to) => set((c) => ({ ...c, mode: "Strict", way: to }))} />}
        {w.ports.map((p) => <Choice key={p.port} name={`port-${p.port}`} title={`Port ${p.port}`} about={portWords(p)} chosen={modeOf(p.port)} choose={(mode) => choosePort(p.port, mode)} result={result(p.port)} later={later(p.port)} />)}
        <p class="muted small">{modes.map((m) => `${m.mode}: ${m.about}`).join(". ")}.</p>
      </form>
      <div class="preview" aria-live="polite">
        {error && <p class="note bad" role="alert">{error}</p>}
        {applied ? <Applied policy={applied} detail={detail} /> : preview ? <Consequences of={preview} change={change} again={again} applied={tell} /> : !error && <p class="muted">Reading</p>}
      </div>
    </div>
  );
}

/** Applied says where what becomes of a change is seen. */
function Applied({ policy, detail }: { policy: string; detail: Detail }) {
  const { namespace, name } = detail.workload;
  return (
    <div class="verdict good" role="status">
      <h2>MeshTLSPolicy {policy} is applied</h2>
      <p>Whether it is in force is said under <a href={link("policies")}>Policies</a>; calls show it on the <a href={link("map", namespace, name)}>Map</a> as they are made.</p>
    </div>
  );
}

const portWords = (p: Port) => [p.name, ...(p.services ?? []).map((s) => `Service ${s}`)].filter(Boolean).join(" · ");

function Choice({ name, title, about, chosen, choose, result, later }: {
  name: string; title: string; about: string; chosen: Mode; choose: (mode: Mode) => void; result: Preview["ports"][number] | undefined; later: boolean;
}) {
  return (
    <fieldset class="choice">
      <legend>{title} <span class="muted small">{about}</span></legend>
      <div class="segments">
        {modes.map(({ mode }) => <label key={mode}><input type="radio" name={name} value={mode} checked={mode === chosen} onChange={() => choose(mode)} /><span>{mode}</span></label>)}
      </div>
      {result && <p class="effect">{result.before === result.after ? <AcceptTag accepts={result.after} /> : <><AcceptTag accepts={result.before} /><span aria-label="becomes">→</span><AcceptTag accepts={result.after} /></>}{later && <span class="muted small">Strict after the rollout</span>}</p>}
    </fieldset>
  );
}

function WayChoice({ chosen, choose }: { chosen: Way; choose: (way: Way) => void }) {
  return (
    <fieldset class="choice">
      <legend>How it becomes Strict <span class="muted small">a port with a mode of its own has that at once</span></legend>
      <div class="segments two">
        {ways.map(({ way, title }) => <label key={way}><input type="radio" name="way" value={way} checked={way === chosen} onChange={() => choose(way)} /><span>{title}</span></label>)}
      </div>
      <p class="muted small">{ways.map((w) => `${w.title}: ${w.about}`).join(". ")}.</p>
    </fieldset>
  );
}

/** usePreview asks what a change comes to, a moment after it was made. */
function usePreview(change: Change): { preview: Preview | null; error: string; again: () => void } {
  const [state, set] = useState<{ preview: Preview | null; error: string }>({ preview: null, error: "" });
  const [turn, setTurn] = useState(0);
  const mesh = overview.value;
  useEffect(() => {
    const abort = new AbortController();
    const wait = setTimeout(() => {
      post<Preview>("/api/preview", change, { signal: abort.signal }).then(
        (preview) => set({ preview, error: "" }),
        (cause: Error) => { if (!abort.signal.aborted) set((old) => ({ ...old, error: cause.message })); },
      );
    }, 120);
    return () => { clearTimeout(wait); abort.abort(); };
  }, [change, mesh, turn]);
  return { ...state, again: () => setTurn((n) => n + 1) };
}

function Consequences({ of: p, change, again, applied }: { of: Preview; change: Change; again: () => void; applied: (policy: string) => void }) {
  const changed = p.diff.some((l) => l.op);
  if (!changed || (!change.mode && !change.ports)) return <div class="empty"><h2>Nothing is changed yet</h2><p>Choose a mode. What it does is shown here before anything is written.</p></div>;
  return (
    <>
      {p.rollout && <Course of={p.rollout} />}
      <Refused of={p} now={!!p.rollout} />
      {p.objections?.map((o) => <p key={o.check + o.message} class={`note ${p.rejected ? "bad" : ""}`}><b>{o.check}</b> {o.message} {o.remedy}</p>)}
      {p.drained?.map((d) => <p key={d} class="note">{d}</p>)}
      <h2>{p.new ? "The new policy" : "The change of the policy"} <span class="muted">{p.name}</span></h2>
      <pre class="diff" tabIndex={0} aria-label="The policy, line by line">{p.diff.map((l, n) => <span key={n} class={l.op === "+" ? "added" : l.op === "-" ? "removed" : ""}>{l.op ?? " "} {l.text}{"\n"}</span>)}</pre>
      <Hand of={p} change={change} again={again} applied={applied} />
    </>
  );
}

/** Course says what a rollout does, and who stands in its way. */
function Course({ of: c }: { of: NonNullable<Preview["rollout"]> }) {
  return (
    <div class={`verdict ${c.refused.length ? "bad" : "good"}`}>
      <h2>By way of a rollout</h2>
      <ol class="steps">{c.steps.map((s) => <li key={s}>{s}</li>)}</ol>
      {c.refused.length > 0 && <><p><b>{counted(c.refused.length, "client")} would be refused at the end.</b> Let them use mutual TLS by then.</p><Clients all={c.refused} /></>}
      {c.doubt && <p class="small">{c.doubt}</p>}
    </div>
  );
}

function Refused({ of: p, now }: { of: Preview; now: boolean }) {
  if (now && !p.refused.length) return null;
  if (!p.refused.length) {
    return <div class={`verdict ${p.doubt ? "" : "good"}`}><h2>{p.doubt ? "Nobody is known who would be refused" : "Nobody would be refused"}</h2>{p.doubt && <p>{p.doubt}</p>}</div>;
  }
  return (
    <div class="verdict bad">
      <h2>{counted(p.refused.length, "client")} would be refused{now ? " at once" : ""}</h2>
      <Clients all={p.refused} />
      {p.doubt && <p class="small">{p.doubt}</p>}
    </div>
  );
}

function Clients({ all }: { all: Refusal[] }) {
  const to = overview.value?.traffic.window?.to;
  return (
    <ul class="ends">{all.map((r) => <li key={r.who + r.port}><LockIcon lock="refused" label="" /><div><p><b>{r.who}</b> {r.port ? `at port ${r.port}` : ""}</p>
      <p class="muted small">{seenWords(r, to)}</p>{r.why.map((w) => <p key={w} class="small">{w}</p>)}</div></li>)}</ul>
  );
}

function seenWords(r: Refusal, to: string | undefined): string {
  if (!r.seen) return "If it calls; by the configuration.";
  return `${counted(r.calls ?? 0, r.protocol === "tcp" ? "connection" : "request")} without mutual TLS${r.lastSeen ? `, last ${ago(r.lastSeen, to ? Date.parse(to) : undefined)}` : ""}.`;
}

/** Hand hands the change over: as a document, a file, a command, or by applying it. */
function Hand({ of: p, change, again, applied }: { of: Preview; change: Change; again: () => void; applied: (policy: string) => void }) {
  const [told, tell] = useState("");
  const copy = (text: string, what: string) => navigator.clipboard.writeText(text).then(() => tell(`${what} copied.`), () => tell("The browser does not allow copying. Use the download."));
  const { source } = overview.value!;
  const apply = () => {
    tell("Applying");
    const options = p.resourceVersion ? { headers: { "If-Match": p.resourceVersion } } : {};
    post<{ applied: string }>("/api/apply", change, options).then(
      ({ applied: policy }) => applied(policy),
      (cause: Error) => { tell(cause.message); if (cause instanceof Failed && cause.status === 409) again(); },
    );
  };
  return (
    <>
      <div class="actions">
        <button type="button" class={source.mayApply && !p.managedBy ? "button" : "button primary"} onClick={() => copy(p.yaml, "The document is")}>Copy YAML</button>
        <button type="button" class="button" onClick={() => download(p)}>Download</button>
        <button type="button" class="button" onClick={() => copy(command(p), "The command is")}>Copy command</button>
        {source.mayApply && !p.managedBy && <button type="button" class="button primary" disabled={p.rejected} onClick={apply}>Apply to {source.name}</button>}
      </div>
      {p.managedBy && <p class="note">{p.managedBy} manages the policy and would undo a change here. Change it where that takes it from.</p>}
      <p role="status" class="told">{told}</p>
    </>
  );
}

const command = (p: Preview) => `kubectl apply -f - <<'EOF'\n${p.yaml}EOF\n`;

function download(p: Preview): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([p.yaml], { type: "application/yaml" }));
  a.download = p.name.replace("/", "-") + ".yaml";
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}
