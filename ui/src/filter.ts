import { acceptWords } from "./words";
import { callsOf, findingsOf, notMutual } from "./state";
import type { Workload } from "./types";

/** keys are what a filter can name; every other word is looked for in the names. */
export const keys = ["ns:", "accepts:", "proxy:", "kind:", "port:", "not-mtls:>0", "calls:0"];

type Test = (w: Workload, at: number) => boolean;

/** parse reads a filter: words that must all hold, such as ns:shop accepts:permissive not-mtls:>0. */
export function parse(filter: string): Test {
  const tests = filter.toLowerCase().split(/\s+/).filter(Boolean).map(testOf);
  return (w, at) => tests.every((test) => test(w, at));
}

function testOf(word: string): Test {
  const [, key = "", value = ""] = /^([a-z-]+):(.*)$/.exec(word) ?? [];
  switch (key) {
    case "ns": return (w) => w.namespace.includes(value);
    case "kind": return (w) => w.kind.toLowerCase().includes(value);
    case "proxy": return (w) => w.proxy.toLowerCase().startsWith(value);
    case "port": return (w) => w.ports.some((p) => String(p.port) === value || p.name === value);
    case "accepts": return (w) => [...w.ports.map((p) => p.accepts), w.others].some((a) => a && acceptWords[a].toLowerCase().startsWith(value));
    case "not-mtls": return (_, at) => compare(notMutual(at), value);
    case "calls": return (_, at) => compare(callsOf.value.into[at]?.length ?? 0, value);
    case "findings": return (w) => compare(findingsOf.value.get(w.namespace)?.length ?? 0, value);
    default: return (w) => `${w.namespace}/${w.name}`.includes(word);
  }
}

/** compare reads a bound such as >0, <10 or 3. */
function compare(n: number, bound: string): boolean {
  const [, sign = "", value = ""] = /^([<>]?)(\d*)$/.exec(bound) ?? [];
  if (value === "") return true;
  return sign === ">" ? n > +value : sign === "<" ? n < +value : n === +value;
}
