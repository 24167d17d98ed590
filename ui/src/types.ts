// What the server answers: see internal/screens, internal/explain and internal/evidence.

export type Accepts = "Strict" | "Permissive" | "Disable" | "Uncaptured" | "NoProxy" | "Servers";
export type Lock = "all" | "mixed" | "none" | "unknown" | "allowed" | "refused";
export type Mode = "Strict" | "Permissive" | "Disable" | "Inherit";
export type Way = "Rollout" | "AtOnce";
export type Phase = "Waiting" | "Observing" | "Blocked" | "AwaitingApproval" | "Switching" | "Probation" | "Completed" | "Undone" | "Paused";
export type Outcome = "MutualTLS" | "TLS" | "Plaintext" | "DoubleTLS" | "Refused" | "GatewayDecides" | "NoEndpoints";

export interface Ref { kind?: string; namespace?: string; name?: string }
export interface Origin extends Ref { field?: string; policies?: string[] }

export interface Source {
  name: string; files: boolean; notes?: string[]; noIstio?: boolean; noPolicies?: boolean; mayApply?: boolean;
}
export interface Window { from?: string; to?: string }
export interface Traffic { source?: string; window?: Window; problem?: string }

export interface Port { port: number; name?: string; services?: string[]; accepts: Accepts }
export interface Workload {
  namespace: string; name: string; kind: string; pods: number; proxy: "Sidecar" | "Gateway" | "Ambient" | "None";
  revision?: string; ports: Port[]; others?: Accepts;
}
export interface Count { mtls: number; total: number }
export interface Edge { from: number; to: number; lock: Lock; requests?: Count; connections?: Count; lastSeen?: string }
export interface Policy {
  namespace: string; name: string; target?: string; accepts?: string; sends?: string; ready: "True" | "False" | "Unknown";
  reason?: string; message?: string; managedBy?: string; objects?: string[];
}
export interface Blocker {
  client: string; server?: string; service?: string; ports?: number[]; protocol?: string; requests?: number; lastSeen?: string; hint?: string;
}
export interface Rollout {
  namespace: string; name: string; target?: string; managedBy?: string; workloads?: number[]; phase?: Phase; summary?: string; message?: string;
  next: string; gate: "Evidence" | "Manual" | "Timer"; observe: string; mode?: Mode; strictPorts?: number[]; since?: string; cleanSince?: string;
  stoppedAt?: string; switchAt?: string; switchedAt?: string; cleanUntil?: string; blockers?: Blocker[]; blockersCount?: number;
  coverage?: { source?: string; pods?: number; reporting?: number; from?: string; requests?: number; mutualTLS?: number };
  commands?: { does: string; text: string }[];
}
export interface Finding {
  severity: "Error" | "Warning" | "Info"; check: string; object: Ref; related?: Ref; field?: string; message: string; remedy?: string;
  place?: { file: string; line: number };
}
export interface Problem { file: string; line?: number; message: string }
export interface Overview {
  source: Source; traffic: Traffic; workloads: Workload[]; edges: Edge[]; policies: Policy[]; rollouts: Rollout[]; findings: Finding[]; problems?: Problem[];
}

export interface ServicePort { namespace: string; service: string; name?: string; port: number }
export interface Inbound {
  port: number; name?: string; services?: ServicePort[]; protocols?: string[];
  external: { accepts: Accepts; decidedBy: Origin; why: string }; local: { carries: string };
}
export interface Listener {
  bind: string; port: number; services?: ServicePort[];
  servers: { decidedBy: Origin; port: number; protocol: string; hosts: string[]; mode: string; certificates?: string[]; why: string }[];
}
export interface Endpoint { outcome: Outcome; why: string; sends?: string; decidedBy: Origin; accepts?: Accepts; namespace?: string; example?: string; pods?: number }
export interface Outbound {
  host: string; port: number; subset?: string; external: { sends: string; decidedBy: Origin; why: string }; endpoints: Endpoint[];
}
export interface Explained {
  namespace: string; example: string; pods: number; proxy: string; notes?: string[]; inbound?: Inbound[];
  ignored?: (Ref & { why: string })[]; listeners?: Listener[]; outbound?: Outbound[]; omitted?: { outcome: Outcome; destinations: number }[];
}
export interface Answer { target: Ref; notes?: string[]; workloads: Explained[] }

export interface Call {
  client?: { namespace?: string; name?: string }; protocol?: string; port?: number; candidates?: number[]; count: number;
  lastSeen?: string; open?: boolean; why?: string[];
}
export interface Observation {
  outcome: "Clean" | "Found" | "Unknown"; doubt?: string; source: string; window: Window;
  coverage: { pods: number; reporting: number; requests: number; mutualTLS: number }; refusable?: Call[]; mutualTLS?: Call[];
}
export interface Settings {
  policy: string; new?: boolean; managedBy?: string; mode: Mode; way?: Way; ports: Record<string, Mode>; servers?: boolean;
}
export interface Detail {
  workload: Workload; answer: Answer; seen?: Observation;
  preflight: { refused?: { who: string; why: string }[]; jobs?: { namespace: string; name: string; schedule: string; pause: string }[] };
  settings: Settings; rollouts?: Rollout[];
}

export interface Change { namespace: string; name: string; mode?: Mode; way?: Way; ports?: Record<string, Mode> }
export interface Refusal {
  who: string; port?: number; why: string[]; seen: boolean; protocol?: string; calls?: number; lastSeen?: string;
}
export interface Preview {
  name: string; new?: boolean; resourceVersion?: string; managedBy?: string; yaml: string; diff: { op?: "+" | "-"; text: string }[];
  ports: { port: number; before: Accepts; after: Accepts; by: string }[]; refused: Refusal[]; doubt?: string; drained?: string[];
  objections?: { severity: string; check: string; message: string; remedy?: string }[]; rejected?: boolean;
  rollout?: { steps: string[]; refused: Refusal[]; doubt?: string };
}
export interface Cell { from: number; to: number; outcome: Outcome; port?: number; why?: string }
export interface Matrix { namespace: string; clients: number[]; servers: number[]; cells: Cell[] }
