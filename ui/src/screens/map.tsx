import { useMemo, useState } from "preact/hooks";
import { LockShape, LockTag, acceptLock } from "../icons";
import { layout } from "../layout";
import { CallsTable, Empty, Head } from "./parts";
import { count, idOf, link, overview, places, route } from "../state";
import { acceptWords, calls, counted, lockWords } from "../words";
import type { Edge, Lock, Overview, Workload } from "../types";

interface Card { id: string; title: string; under: string; href: string; kind: "workload" | "namespace" | "unknown"; workload?: Workload | undefined }
interface Arrow { from: string; to: string; lock: Lock; words: string }
interface Drawing { cards: Card[]; arrows: Arrow[]; edges: Edge[]; left: number }

/** mostCards bounds a drawing: more cannot be read. */
const mostCards = 60;
const weight: Record<Lock, number> = { refused: 0, none: 1, mixed: 2, unknown: 3, all: 4, allowed: 5 };

export function MapScreen() {
  const [, namespace, name] = route.value.parts;
  const seen = overview.value!;
  const drawing = useMemo(() => draw(seen, namespace, name), [seen, namespace, name]);
  const title = name ? `${namespace}/${name}` : namespace ?? "Namespaces";
  return (
    <>
      <Head title={<><a class="crumb" href={link("map")}>Map</a> {namespace && <><span class="muted">/</span> {name ? <a class="crumb" href={link("map", namespace)}>{namespace}</a> : namespace}</>} {name && <><span class="muted">/</span> {name}</>}</>}
        about={about(drawing, namespace, name)}>
        {namespace && !name && <a class="button" href={link("matrix", namespace)}>Matrix</a>}
        {name && <a class="button" href={link("workload", namespace!, name)}>Open workload</a>}
      </Head>
      {drawing.cards.length ? <Picture drawing={drawing} title={title} /> : <Empty title="There is nothing to draw"><p>No workload is here. <a href={link("map")}>All namespaces</a></p></Empty>}
      <ul class="legend inline" aria-label="Legend">{(Object.keys(lockWords) as Lock[]).map((l) => <li key={l}><LockTag lock={l} /></li>)}</ul>
      {drawing.edges.length > 0 && <><h2>Calls</h2><CallsTable edges={drawing.edges} caption={`Calls of ${title}`} /></>}
    </>
  );
}

function about(d: Drawing, namespace?: string, name?: string): string {
  const what = name ? `${name} and ${counted(d.cards.length - 1, "neighbour")}` : namespace ? counted(d.cards.filter((c) => c.kind === "workload").length, "workload") : counted(d.cards.filter((c) => c.kind === "namespace").length, "namespace");
  const traffic = overview.value!.traffic.source ? "" : " Configuration only: arrows are those that gateways’ routes and AuthorizationPolicies name.";
  return `${what}, ${counted(d.arrows.length, "arrow")}.${d.left ? ` ${counted(d.left, "card")} more are not drawn; the list below has all.` : ""}${traffic}`;
}

/** draw chooses what is drawn: namespaces, the workloads of one with what is joined to them, or the neighbours of one workload. */
function draw(seen: Overview, namespace?: string, name?: string): Drawing {
  const edges = seen.edges.filter((e) => {
    const from = seen.workloads[e.from], to = seen.workloads[e.to];
    if (name) return [from, to].some((w) => w && w.namespace === namespace && w.name === name);
    return namespace ? from?.namespace === namespace || to?.namespace === namespace : true;
  });
  const cardOf = (at: number): Card => {
    const w = seen.workloads[at];
    if (!w) return { id: "?", title: "Unknown", under: "clients without a name", href: "", kind: "unknown" };
    if (name || w.namespace === namespace) {
      return { id: idOf(w), title: w.name, under: w.namespace === namespace ? ports(w) : w.namespace, href: link(name ? "map" : "workload", w.namespace, w.name), kind: "workload", workload: w };
    }
    const own = seen.workloads.filter((other) => other.namespace === w.namespace);
    return { id: w.namespace, title: w.namespace, under: counted(own.length, "workload"), href: link("map", w.namespace), kind: "namespace" };
  };
  const cards = new Map<string, Card>();
  const add = (at: number) => { const card = cardOf(at); if (!cards.has(card.id)) cards.set(card.id, card); return card.id; };
  if (name) { const at = places.value.get(`${namespace}/${name}`); if (at !== undefined) add(at); }
  const arrows = new Map<string, Arrow & { edges: Edge[] }>();
  for (const e of edges) {
    const from = add(e.from), to = add(e.to);
    if (from === to) continue;
    const key = from + " " + to, old = arrows.get(key);
    if (!old) arrows.set(key, { from, to, lock: e.lock, words: "", edges: [e] });
    else old.edges.push(e);
  }
  if (!name) seen.workloads.forEach((w, at) => { if (!namespace || w.namespace === namespace) add(at); });
  const drawn = [...cards.values()].slice(0, mostCards), ids = new Set(drawn.map((c) => c.id));
  return {
    cards: drawn, left: cards.size - drawn.length, edges,
    arrows: [...arrows.values()].filter((a) => ids.has(a.from) && ids.has(a.to)).map((a) => ({ ...a, ...sum(a.edges) })),
  };
}

const ports = (w: Workload) => w.proxy === "Gateway" ? "gateway" : w.ports.length > 3 ? counted(w.ports.length, "port") : w.ports.map((p) => p.port).join(" · ") || "no ports";

/** sum is the lock of several arrows that are drawn as one, and what it counts. */
function sum(edges: Edge[]): { lock: Lock; words: string } {
  if (edges.length === 1) return { lock: edges[0]!.lock, words: calls(edges[0]!) };
  const all = edges.reduce((s, e) => ({ mtls: s.mtls + count(e).mtls, total: s.total + count(e).total }), { mtls: 0, total: 0 });
  const worst = [...edges].sort((a, b) => weight[a.lock] - weight[b.lock])[0]!.lock;
  const lock = worst === "none" && all.mtls > 0 ? "mixed" : worst;
  return { lock, words: all.total ? `${all.mtls} of ${counted(all.total, "call")}` : "" };
}

const width = 184, height = 54;

function Picture({ drawing, title }: { drawing: Drawing; title: string }) {
  const [zoom, setZoom] = useState(1);
  const [over, setOver] = useState("");
  const placed = useMemo(() => arrange(drawing), [drawing]);
  const lines = useMemo(() => linesOf(drawing, placed), [placed]);
  const near = (id: string) => !over || over === id || drawing.arrows.some((a) => (a.from === over && a.to === id) || (a.to === over && a.from === id));
  return (
    <div class="map">
      <div class="zoom" role="group" aria-label="Zoom"><button type="button" aria-label="Smaller" onClick={() => setZoom((z) => Math.max(0.4, z - 0.2))}>−</button><button type="button" aria-label="Larger" onClick={() => setZoom((z) => Math.min(2, z + 0.2))}>+</button></div>
      <div class="scroll" tabIndex={0} role="region" aria-label={`Map of ${title}`}>
        <svg width={placed.width * zoom} height={placed.height * zoom} viewBox={`0 0 ${placed.width} ${placed.height}`} role="group" aria-label={`${counted(drawing.cards.length, "card")} and ${counted(drawing.arrows.length, "arrow")}`}>
          {drawing.arrows.map((a, n) => <ArrowShape key={a.from + " " + a.to} arrow={a} line={lines[n]!} faded={!!over && a.from !== over && a.to !== over} />)}
          {drawing.cards.map((c) => <CardShape key={c.id} card={c} {...placed.at.get(c.id)!} faded={!near(c.id)} over={setOver} />)}
        </svg>
      </div>
    </div>
  );
}

type Place = { x: number; y: number };
type Places = Map<string, Place>;

/** arrange lays out the cards that arrows join, and puts the others below them in rows. */
function arrange(d: Drawing): { at: Places; through: Map<string, Place[]>; width: number; height: number } {
  const joined = new Set(d.arrows.flatMap((a) => [a.from, a.to]));
  const ids = d.cards.map((c) => c.id);
  const margin = 16, gapX = 124, gapY = 22;
  const main = layout(ids.filter((id) => joined.has(id)), d.arrows.map((a) => [a.from, a.to]), { width, height: () => height, gapX, gapY });
  const at: Places = new Map([...main.at].map(([id, p]) => [id, { x: p.x + margin, y: p.y + margin }]));
  const through = new Map([...main.through].map(([arrow, all]) => [arrow, all.map((p) => ({ x: p.x + margin, y: p.y + margin + 4 }))]));
  const rest = ids.filter((id) => !joined.has(id));
  const perRow = Math.max(3, Math.floor((main.width + 24) / (width + 24)));
  const top = main.height ? main.height + margin + 40 : margin;
  rest.forEach((id, n) => at.set(id, { x: margin + (n % perRow) * (width + 24), y: top + Math.floor(n / perRow) * (height + gapY) }));
  const rows = Math.ceil(rest.length / perRow);
  const wide = Math.max(main.width, Math.min(rest.length, perRow) * (width + 24) - 24);
  return { at, through, width: wide + 2 * margin, height: (rows ? top + rows * (height + gapY) - gapY : main.height + margin) + margin };
}

function CardShape({ card: c, x, y, faded, over }: { card: Card; x: number; y: number; faded: boolean; over: (id: string) => void }) {
  const w = c.workload;
  const locks = w && w.proxy !== "Gateway" ? w.ports.slice(0, 4) : [];
  const words = locks.map((p) => `${p.port} ${acceptWords[p.accepts]}`).join(", ");
  const shape = (
    <g transform={`translate(${x} ${y})`}>
      <rect width={width} height={height} rx="8" />
      {words && <title>{words}</title>}
      <text class="card-title" x="12" y="22">{short(c.title, 22)}</text>
      <text class="card-under" x="12" y="40">{short(c.under, locks.length ? 17 : 27)}</text>
      {locks.map((p, n) => <g key={p.port} transform={`translate(${width - 26 - n * 17} 28)`}><LockShape lock={acceptLock[p.accepts]} /></g>)}
    </g>
  );
  const attributes = { class: `map-card map-${c.kind}${faded ? " faded" : ""}`, onMouseEnter: () => over(c.id), onMouseLeave: () => over(""), onFocus: () => over(c.id), onBlur: () => over("") };
  return c.href ? <a href={c.href} {...attributes}>{shape}</a> : <g {...attributes}>{shape}</g>;
}

const short = (text: string, most: number) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

interface Line { path: string; head: string; x: number; y: number }

function ArrowShape({ arrow: a, line, faded }: { arrow: Arrow; line: Line; faded: boolean }) {
  const words = `${a.from === "?" ? "Clients without a name" : a.from} calls ${a.to}: ${lockWords[a.lock]}${a.words ? `, ${a.words}` : ""}`;
  return (
    <g class={`arrow arrow-${a.lock}${faded ? " faded" : ""}`} role="img" aria-label={words}>
      <title>{words}</title>
      <path class="arrow-line" d={line.path} /><path class="arrow-head" d={line.head} />
      <g transform={`translate(${line.x - 8} ${line.y - 8})`}><circle class="arrow-plate" cx="8" cy="8" r="11" /><LockShape lock={a.lock} /></g>
    </g>
  );
}

/** linesOf draws the arrows. A lock stands where no other does, as near to the middle of its arrow as it can. */
function linesOf(d: Drawing, placed: { at: Places; through: Map<string, Place[]> }): Line[] {
  const locks: Place[] = [];
  return d.arrows.map((a) => {
    const from = placed.at.get(a.from)!, to = placed.at.get(a.to)!;
    const { path, head, curve } = to.x <= from.x ? backLine(from, to) : onLine(from, to, placed.through.get(`${a.from} ${a.to}`) ?? []);
    const room = (p: Place) => Math.min(100, ...locks.map((l) => Math.hypot(l.x - p.x, l.y - p.y)));
    const spots = [0.5, 0.4, 0.6, 0.32, 0.68].map((t) => along(curve, t));
    const spot = spots.find((p) => room(p) > 22) ?? spots.reduce((best, p) => (room(p) > room(best) ? p : best));
    locks.push(spot);
    return { path, head, ...spot };
  });
}

type Curve = [Place, Place, Place, Place];

/** along is a point of a Bézier curve. */
function along([a, b, c, d]: Curve, t: number): Place {
  const u = 1 - t;
  const mix = (w: "x" | "y") => u * u * u * a[w] + 3 * u * u * t * b[w] + 3 * u * t * t * c[w] + t * t * t * d[w];
  return { x: mix("x"), y: mix("y") };
}

const bezier = ([, b, c, d]: Curve) => ` C${b.x} ${b.y} ${c.x} ${c.y} ${d.x} ${d.y}`;

/** onLine leads from the right of a card to the left of another, around what is between them. */
function onLine(from: Place, to: Place, through: Place[]): { path: string; head: string; curve: Curve } {
  const stops = [{ x: from.x + width, y: from.y + height / 2 }, ...through.flatMap((p) => [p, { x: p.x + width, y: p.y }]), { x: to.x - 7, y: to.y + height / 2 }];
  const between = (a: Place, b: Place): Curve => [a, { x: (a.x + b.x) / 2, y: a.y }, { x: (a.x + b.x) / 2, y: b.y }, b];
  let path = `M${stops[0]!.x} ${stops[0]!.y}`;
  for (let n = 1; n < stops.length; n++) {
    const a = stops[n - 1]!, b = stops[n]!;
    path += n % 2 ? bezier(between(a, b)) : ` L${b.x} ${b.y}`;
  }
  const end = stops[stops.length - 1]!;
  return { path, head: `m${end.x} ${end.y - 4} 7 4-7 4z`, curve: between(stops[0]!, stops[1]!) };
}

/** backLine leads back, from the top or the bottom of a card to that of another. */
function backLine(from: Place, to: Place): { path: string; head: string; curve: Curve } {
  const up = from.y >= to.y, middle = width / 2, out = from.x === to.x ? 40 : 0;
  const a = { x: from.x + middle, y: up ? from.y : from.y + height }, b = { x: to.x + middle, y: up ? to.y + height + 7 : to.y - 7 };
  const half = (a.y + b.y) / 2;
  const curve: Curve = [a, { x: a.x + out, y: half }, { x: b.x + out, y: half }, b];
  return { path: `M${a.x} ${a.y}${bezier(curve)}`, head: up ? `m${b.x - 4} ${b.y} 4-7 4 7z` : `m${b.x - 4} ${b.y} 4 7 4-7z`, curve };
}
