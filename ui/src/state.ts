import { computed, signal } from "@preact/signals";
import { Failed, get, listen, openSession } from "./api";
import type { Edge, Finding, Overview, Workload } from "./types";

export const overview = signal<Overview | null>(null);
/** problem is what keeps the page from being up to date; an overview that is there stays. */
export const problem = signal("");
/** ended says that there is no session, or no server: only running the command again helps. */
export const ended = signal(false);

/** start opens the session, reads the mesh, and follows its changes. */
export async function start(): Promise<void> {
  try {
    await openSession();
  } catch (cause) {
    fail(cause);
    return;
  }
  let etag = "";
  for (;;) {
    try {
      await listen((event) => {
        problem.value = event.problem ?? "";
        ended.value = false;
        if (event.etag && event.etag !== etag) {
          etag = event.etag;
          void read();
        }
      });
    } catch (cause) {
      fail(cause);
      if (cause instanceof Failed && cause.status === 401) return;
    }
    await new Promise((resume) => setTimeout(resume, 2000));
  }
}

async function read(): Promise<void> {
  try {
    overview.value = await get<Overview>("/api/overview");
  } catch (cause) {
    fail(cause);
  }
}

function fail(cause: unknown): void {
  problem.value = cause instanceof Error ? cause.message : String(cause);
  ended.value = cause instanceof Failed && (cause.status === 0 || cause.status === 401);
}

export const idOf = (w: { namespace?: string; name?: string }) => `${w.namespace}/${w.name}`;

/** places are the workloads' places in the list, by namespace/name. */
export const places = computed(() => new Map((overview.value?.workloads ?? []).map((w, at) => [idOf(w), at])));

/** callsOf are the arrows to and from each workload. */
export const callsOf = computed(() => {
  const into: Edge[][] = [], from: Edge[][] = [];
  for (const edge of overview.value?.edges ?? []) {
    (into[edge.to] ??= []).push(edge);
    if (edge.from >= 0) (from[edge.from] ??= []).push(edge);
  }
  return { into, from };
});

/** findingsOf are the findings about the objects of a namespace. */
export const findingsOf = computed(() => {
  const by = new Map<string, Finding[]>();
  for (const finding of overview.value?.findings ?? []) {
    const of = finding.object.namespace ?? "";
    by.set(of, [...(by.get(of) ?? []), finding]);
  }
  return by;
});

export const count = (edge: Edge) => ({
  mtls: (edge.requests?.mtls ?? 0) + (edge.connections?.mtls ?? 0),
  total: (edge.requests?.total ?? 0) + (edge.connections?.total ?? 0),
});

/** notMutual is how many of the calls of a workload are not mutual TLS. */
export const notMutual = (at: number) =>
  (callsOf.value.into[at] ?? []).reduce((sum, edge) => sum + count(edge).total - count(edge).mtls, 0);

export const workloadAt = (at: number): Workload | undefined => overview.value?.workloads[at];

/** route is where the page is: the parts of the address after #/, and what is asked of them. */
export const route = signal(parse());
addEventListener("hashchange", () => (route.value = parse()));

function parse(): { parts: string[]; query: URLSearchParams } {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export const link = (...parts: string[]) => "#/" + parts.map(encodeURIComponent).join("/");

/** setQuery changes what is asked, without a step in the history. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(route.value.query);
  if (value) query.set(name, value);
  else query.delete(name);
  const search = query.toString();
  history.replaceState(null, "", link(...route.value.parts) + (search ? `?${search}` : ""));
  route.value = parse();
}

const themeSlot = "meshtls-theme";
/** theme is light or dark where somebody chose it; else what the system says. */
export const theme = signal(localStorage.getItem(themeSlot) ?? "");
theme.subscribe((chosen) => {
  document.documentElement.dataset.theme = chosen;
  if (chosen) localStorage.setItem(themeSlot, chosen);
  else localStorage.removeItem(themeSlot);
});
