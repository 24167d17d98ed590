import { acceptWords, lockWords } from "./words";
import type { Accepts, Lock } from "./types";

// Six locks, each with a shape, a colour and a word. They are drawn on a grid of 16.
const body = "M3.5 7h9v6.5h-9z", closed = "M5.5 7V5a2.5 2.5 0 0 1 5 0v2", opened = "M5.5 7V4.6a2.5 2.5 0 0 1 4.9-.7";

/** LockShape is the drawing alone, for use inside an SVG. */
export function LockShape({ lock }: { lock: Lock }) {
  switch (lock) {
    case "all":
      return <g class="lock lock-all"><path class="fill line" d={body} /><path class="line" d={closed} /></g>;
    case "mixed":
      return <g class="lock lock-mixed"><path class="fill" d="M3.5 10.2h9v3.3h-9z" /><path class="line" d={body} /><path class="line" d={closed} /></g>;
    case "none":
      return <g class="lock lock-none"><path class="line" d={body} /><path class="line" d={opened} /><path class="line" d="M2 14.8 14 1.8" /></g>;
    case "unknown":
      return <g class="lock lock-unknown"><path class="line" d="M5.6 5.6a2.5 2.5 0 1 1 3.6 2.2c-.8.5-1.2 1-1.2 2" /><circle class="dot" cx="8" cy="12.8" r="1.1" /></g>;
    case "allowed":
      return <g class="lock lock-allowed"><path class="line" d={body} stroke-dasharray="1.6 1.6" /><path class="line" d={closed} stroke-dasharray="1.6 1.6" /></g>;
    case "refused":
      return <g class="lock lock-refused"><circle class="fill line" cx="8" cy="8" r="6" /><path class="cross" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" /></g>;
  }
}

export function LockIcon({ lock, label = lockWords[lock] }: { lock: Lock; label?: string }) {
  const named = label ? { role: "img" as const, "aria-label": label } : { "aria-hidden": "true" as const };
  return <svg class="icon" viewBox="0 0 16 16" width="16" height="16" {...named}><LockShape lock={lock} /></svg>;
}

/** LockTag is a lock with its word. */
export function LockTag({ lock }: { lock: Lock }) {
  return <span class={`tag tag-${lock}`}><svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><LockShape lock={lock} /></svg>{lockWords[lock]}</span>;
}

/** acceptLock is the lock that a mode looks like. */
export const acceptLock: Record<Accepts, Lock> = {
  Strict: "all", Permissive: "mixed", Disable: "none", Uncaptured: "none", NoProxy: "none", Servers: "allowed",
};

export function AcceptTag({ accepts }: { accepts: Accepts }) {
  const lock = acceptLock[accepts];
  return (
    <span class={`tag tag-${lock}`}>
      <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {accepts === "Servers" ? <path class="plain" d="M2.5 3.5h11v3h-11zm0 6h11v3h-11zM5 5h.1M5 11h.1" /> : <LockShape lock={lock} />}
      </svg>
      {acceptWords[accepts]}
    </span>
  );
}

const strokes = {
  overview: "M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z",
  workloads: "M2.5 4h11M2.5 8h11M2.5 12h11",
  map: "M3 4.5h3v3H3zM10 2.5h3v3h-3zM10 10.5h3v3h-3zM6 6h2.2V4H10M8.2 6v6H10",
  matrix: "M2.5 2.5h11v11h-11zM2.5 6.2h11M2.5 9.8h11M6.2 2.5v11M9.8 2.5v11",
  gateways: "M2.5 8h7m-2.5-3 3 3-3 3M10.5 2.5h3v11h-3",
  policies: "M4 2h5.5L12 4.5V14H4zM6 7h4M6 10h4",
  rollouts: "M2.5 12.5h3.5V9h3.5V5.5h4M11 3l2.5 2.5L11 8",
  findings: "M8 2.5 14 13H2zM8 6.5v3M8 11.3v.1",
  why: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.2 6.4a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.6-.8 1.2M8 11.2v.1",
  light: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  right: "M6 3.5 10.5 8 6 12.5",
};

export function Icon({ name }: { name: keyof typeof strokes }) {
  return <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path class="plain" d={strokes[name]} /></svg>;
}
