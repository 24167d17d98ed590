import type { Accepts, Count, Edge, Lock, Origin, Outcome, Phase, Ref } from "./types";

export const lockWords: Record<Lock, string> = {
  all: "All mutual TLS",
  mixed: "Partly mutual TLS",
  none: "Not mutual TLS",
  unknown: "Not known",
  allowed: "Allowed, no traffic",
  refused: "Would be refused",
};

export const acceptWords: Record<Accepts, string> = {
  Strict: "Strict",
  Permissive: "Permissive",
  Disable: "Disable",
  Uncaptured: "Not captured",
  NoProxy: "No proxy",
  Servers: "Gateway",
};

export const outcomeWords: Record<Outcome, string> = {
  MutualTLS: "Mutual TLS",
  TLS: "TLS",
  Plaintext: "Plaintext",
  DoubleTLS: "TLS in TLS",
  Refused: "Refused",
  GatewayDecides: "Gateway decides",
  NoEndpoints: "No endpoints",
};

export const phaseWords: Record<Phase, string> = {
  Undone: "Undone",
  Blocked: "Blocked",
  AwaitingApproval: "Awaiting approval",
  Paused: "Paused",
  Waiting: "Waiting",
  Switching: "Switching",
  Probation: "Probation",
  Observing: "Observing",
  Completed: "Completed",
};

/** moment is a time as the commands write it. */
export const moment = (time: string) => new Date(time).toISOString().slice(0, 16).replace("T", " ") + "Z";

/** outcomeLock is the lock that an outcome of the configuration looks like. */
export const outcomeLock: Record<Outcome, Lock> = {
  MutualTLS: "all", TLS: "mixed", Plaintext: "none", DoubleTLS: "none", Refused: "refused", GatewayDecides: "unknown", NoEndpoints: "unknown",
};

const thousands = new Intl.NumberFormat("en");
export const number = (n: number) => thousands.format(n);

export function counted(n: number, one: string, many = one + "s"): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

function ratio(c: Count, one: string): string {
  return c.mtls === c.total ? counted(c.total, one) : `${number(c.mtls)} of ${counted(c.total, one)}`;
}

/** calls says what was counted between two workloads; requests and connections apart. */
export function calls(edge: Edge): string {
  const parts = [];
  if (edge.requests) parts.push(ratio(edge.requests, "request"));
  if (edge.connections) parts.push(ratio(edge.connections, "connection"));
  return parts.join(", ");
}

/** ago is how long ago a time was, from the end of what was looked at. */
export function ago(time: string | undefined, now = Date.now()): string {
  if (!time) return "";
  const minutes = Math.max(0, Math.round((now - Date.parse(time)) / 60000));
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} d ago`;
}

export function span(window: { from?: string; to?: string } | undefined): string {
  if (!window?.from || !window.to) return "";
  const hours = (Date.parse(window.to) - Date.parse(window.from)) / 3600000;
  return hours < 1 / 60 * 1.5 ? "minute" : hours < 2 ? `${Math.round(hours * 60)} minutes` : hours <= 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
}

export const refWords = (ref: Ref) => `${ref.kind} ${ref.namespace ? ref.namespace + "/" : ""}${ref.name}`;

/** decider is what decides, without its field. */
export function decider(origin: Origin): string {
  if (!origin.kind) return origin.field || "Istio’s default";
  return refWords(origin);
}
