import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";
import { ended, link, overview, problem, route, theme } from "./state";
import { ago, counted, span } from "./words";
import { Overview } from "./screens/overview";
import { Workloads } from "./screens/workloads";
import { WorkloadPage } from "./screens/workload";
import { MapScreen } from "./screens/map";
import { MatrixScreen } from "./screens/matrix";
import { Gateways } from "./screens/gateways";
import { Policies } from "./screens/policies";
import { needsSomebody, Rollouts } from "./screens/rollouts";
import { Findings } from "./screens/findings";
import { Why } from "./screens/why";
import { ChangeScreen } from "./screens/change";
import type { ComponentChildren } from "preact";
import type { Overview as Seen } from "./types";

const screens = [
  { path: "", key: "o", icon: "overview", title: "Overview", show: Overview },
  { path: "workloads", key: "w", icon: "workloads", title: "Workloads", show: Workloads },
  { path: "map", key: "m", icon: "map", title: "Map", show: MapScreen },
  { path: "matrix", key: "x", icon: "matrix", title: "Matrix", show: MatrixScreen },
  { path: "gateways", key: "g", icon: "gateways", title: "Gateways", show: Gateways },
  { path: "policies", key: "p", icon: "policies", title: "Policies", show: Policies },
  { path: "rollouts", key: "r", icon: "rollouts", title: "Rollouts", show: Rollouts },
  { path: "findings", key: "f", icon: "findings", title: "Findings", show: Findings },
  { path: "why", key: "y", icon: "why", title: "Why?", show: Why },
] as const;

export function App() {
  const { parts } = route.value;
  const at = parts[0] === "workload" ? "workloads" : parts[0] ?? "";
  const screen = screens.find((s) => s.path === at) ?? screens[0];
  const main = useRef<HTMLElement>(null);
  const where = parts.join("/");
  useEffect(() => {
    document.title = [parts.length > 1 ? parts.slice(1, 3).join("/") : screen.title, "MeshTLS"].join(" · ");
    main.current?.scrollTo(0, 0);
  }, [where]);
  return (
    <>
      <a class="skip" href="#content" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>Skip to content</a>
      <Side at={screen.path} />
      <main id="content" tabIndex={-1} ref={main}>
        <Banner />
        {overview.value ? <Screen parts={parts} show={screen.show} /> : <Waiting />}
      </main>
      <Help />
    </>
  );
}

function Screen({ parts, show: Show }: { parts: string[]; show: () => ComponentChildren }) {
  const [kind, namespace, name, mode] = parts;
  if (kind === "workload" && namespace && name) {
    return mode === "change" ? <ChangeScreen key={name} namespace={namespace} name={name} /> : <WorkloadPage namespace={namespace} name={name} />;
  }
  return <Show />;
}

function Side({ at }: { at: string }) {
  return (
    <header class="side">
      <a class="brand" href="#/"><svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><rect class="brand-body" x="3" y="8.5" width="14" height="9" rx="2" /><path class="brand-bow" d="M6.5 8.5V6a3.5 3.5 0 0 1 7 0v2.5" /></svg>MeshTLS</a>
      <nav aria-label="Screens">
        {screens.map((s) => (
          <a key={s.path} href={"#/" + s.path} aria-current={s.path === at ? "page" : undefined}><Icon name={s.icon} /><span>{s.title}</span><Badge of={s.path} /></a>
        ))}
      </nav>
      <Where />
    </header>
  );
}

/** badges count what needs somebody, and say in a word what it is. */
const badges: Record<string, { of: (seen: Seen) => number; word: string }> = {
  findings: { of: (seen) => seen.findings.filter((f) => f.severity === "Error").length, word: "error" },
  rollouts: { of: (seen) => seen.rollouts.filter(needsSomebody).length, word: "waiting for somebody" },
};

function Badge({ of }: { of: string }) {
  const badge = badges[of], seen = overview.value;
  const n = badge && seen ? badge.of(seen) : 0;
  if (!badge || !n) return null;
  const words = badge.word === "error" ? counted(n, "error") : `${n} ${badge.word}`;
  return <span class="badge" title={words}>{n}<span class="hidden">{words.slice(String(n).length)}</span></span>;
}

function Where() {
  const seen = overview.value;
  return (
    <div class="where">
      {seen && <p><span class="label">{seen.source.files ? "Files" : "Cluster"}</span><span class="clip" title={seen.source.name}>{seen.source.name}</span></p>}
      {seen && <p><span class="label">Traffic</span><TrafficWords /></p>}
      <div class="row">
        <button type="button" class="quiet" onClick={nextTheme} title="Light, dark, or as the system says"><Icon name="light" />{theme.value === "dark" ? "Dark" : theme.value === "light" ? "Light" : "Auto"}</button>
        <button type="button" class="quiet" onClick={() => openHelp()} title="Keyboard shortcuts (?)"><Icon name="why" />Keys</button>
      </div>
    </div>
  );
}

export function TrafficWords() {
  const { traffic } = overview.value!;
  if (traffic.problem) return <span class="clip" title={traffic.problem}>not known</span>;
  if (!traffic.source) return <span class="clip">configuration only</span>;
  return <span class="clip" title={traffic.source}>last {span(traffic.window)}, {ago(traffic.window?.to)}</span>;
}

function nextTheme(): void {
  theme.value = theme.value === "" ? "light" : theme.value === "light" ? "dark" : "";
}

function Banner() {
  const seen = overview.value;
  const lines: { bad?: boolean; text: string }[] = [];
  if (problem.value && seen) lines.push({ bad: true, text: problem.value + (ended.value ? "" : " What is shown was read before.") });
  if (seen?.source.noIstio) lines.push({ bad: true, text: "The cluster knows none of Istio’s kinds. Install Istio, or choose another context with --context." });
  if (seen?.source.noPolicies && !seen.source.noIstio) {
    lines.push({ text: "The cluster does not know MeshTLSPolicy. What is shown is Istio’s own; run make install to change it with policies." });
  }
  if (seen?.traffic.problem) lines.push({ bad: true, text: seen.traffic.problem });
  for (const note of seen?.source.notes ?? []) lines.push({ text: note });
  for (const p of seen?.problems ?? []) lines.push({ bad: true, text: `${p.file}${p.line ? ":" + p.line : ""}: ${p.message}` });
  if (!lines.length) return null;
  return <div class="banner" role="status">{lines.map((l) => <p class={l.bad ? "bad" : ""}>{l.text}</p>)}</div>;
}

function Waiting() {
  if (!problem.value) return <div class="empty" role="status"><h1>Reading the mesh</h1><p>This takes a few seconds in a large cluster.</p></div>;
  return (
    <div class="empty" role="alert">
      <h1>{ended.value ? "This tab has no session" : "The mesh could not be read"}</h1>
      <p>{problem.value}</p>
      {!ended.value && <p>It is tried again every few seconds. Check the context with <code>kubectl config current-context</code>.</p>}
    </div>
  );
}

const help = { dialog: null as HTMLDialogElement | null };
const openHelp = () => help.dialog?.showModal();

function Help() {
  useEffect(() => {
    let before = "";
    const pressed = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input:not([type=radio]), textarea, select");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const to = before === "g" && screens.find((s) => s.key === event.key);
      if (to) location.hash = "#/" + to.path;
      else if (event.key === "?") openHelp();
      else if (event.key === "/") {
        const filter = document.querySelector<HTMLInputElement>("input[type=search]");
        if (filter) { event.preventDefault(); filter.focus(); filter.select(); } else location.hash = link("workloads");
      }
      before = to ? "" : event.key;
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return (
    <dialog ref={(d) => { help.dialog = d; }} aria-labelledby="help-title">
      <h2 id="help-title">Keyboard shortcuts</h2>
      <dl class="keys">
        {screens.map((s) => <div key={s.key}><dt><kbd>g</kbd> <kbd>{s.key}</kbd></dt><dd>{s.title}</dd></div>)}
        <div><dt><kbd>/</kbd></dt><dd>Filter</dd></div>
        <div><dt><kbd>?</kbd></dt><dd>This list</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>Close</dd></div>
      </dl>
      <form method="dialog"><button class="button">Close</button></form>
    </dialog>
  );
}
