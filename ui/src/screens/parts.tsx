import { useEffect, useState } from "preact/hooks";
import { LockIcon } from "../icons";
import { count, idOf, link, overview, places, route, setQuery, workloadAt } from "../state";
import { ago, calls } from "../words";
import type { ComponentChildren } from "preact";
import type { Edge, Ref } from "../types";

export function Head({ title, about, children }: { title: ComponentChildren; about?: ComponentChildren; children?: ComponentChildren }) {
  return <div class="head"><div><h1>{title}</h1>{about && <p class="about">{about}</p>}</div>{children && <div class="actions">{children}</div>}</div>;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><h2>{title}</h2>{children}</div>;
}

/** Filter is the search field of a list; what is typed is part of the address. */
export function Filter({ label, hint }: { label: string; hint?: string }) {
  const typed = route.value.query.get("filter") ?? "";
  return <input type="search" class="filter" aria-label={label} placeholder={hint ?? label} value={typed} spellcheck={false} autocomplete="off"
    onInput={(e) => setQuery("filter", e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Escape") { setQuery("filter", ""); e.currentTarget.blur(); } }} />;
}

export function WorkloadLink({ at, short }: { at: number; short?: boolean | undefined }) {
  const w = workloadAt(at);
  if (!w) return <span class="muted">Clients without a name</span>;
  return <a href={link("workload", w.namespace, w.name)}>{!short && <span class="muted">{w.namespace}/</span>}{w.name}</a>;
}

/** ObjectLink leads to the workload of that name, where there is one. */
export function NameLink({ of }: { of: Ref | undefined }) {
  if (!of?.name) return <>Clients without a name</>;
  const at = places.value.get(idOf(of));
  return at === undefined ? <><span class="muted">{of.namespace}/</span>{of.name}</> : <WorkloadLink at={at} />;
}

/** CallsTable lists arrows of the map, for those who do not see it, and to sort by what matters. */
export function CallsTable({ edges, caption }: { edges: Edge[]; caption: string }) {
  const weight = { refused: 0, none: 1, mixed: 2, unknown: 3, all: 4, allowed: 5 };
  const sorted = [...edges].sort((a, b) => weight[a.lock] - weight[b.lock] || count(b).total - count(a).total);
  const to = overview.value?.traffic.window?.to;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="list calls-list">
        <thead><tr><th>Client</th><th>Server</th><th>Mutual TLS</th><th class="wide">Last other call</th></tr></thead>
        <tbody>
          {sorted.map((e) => (
            <tr key={`${e.from}-${e.to}`}>
              <td><WorkloadLink at={e.from} /></td><td><WorkloadLink at={e.to} /></td>
              <td class="nowrap"><LockIcon lock={e.lock} /> {calls(e) || <span class="muted">no traffic seen</span>}</td>
              <td class="wide muted nowrap">{e.lastSeen ? ago(e.lastSeen, to ? Date.parse(to) : undefined) : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** useAnswer asks the server, again after each change of the mesh. */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, about: string): { value: T | null; error: string } {
  const [state, set] = useState<{ about: string; value: T | null; error: string }>({ about, value: null, error: "" });
  const mesh = overview.value;
  useEffect(() => {
    const abort = new AbortController();
    ask(abort.signal).then(
      (value) => set({ about, value, error: "" }),
      (cause: Error) => { if (!abort.signal.aborted) set((old) => ({ about, value: old.about === about ? old.value : null, error: cause.message })); },
    );
    return () => abort.abort();
  }, [about, mesh]);
  return state.about === about ? state : { value: null, error: "" };
}
