// Talks to the server that served the page, and to nobody else.

const slot = "meshtls-token";
let token = sessionStorage.getItem(slot) ?? "";

/** Failed is an answer that says what is wrong, as a full sentence. */
export class Failed extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit" });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new Failed(0, "The server of this page has ended. Run kubectl meshtls ui again, and open the address that it prints.");
  }
  if (response.ok || response.status === 304) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Failed(response.status, body.error ?? `The server answered ${response.status}.`);
}

export async function get<T>(path: string, query: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const search = new URLSearchParams(query).toString();
  return (await ask(search ? `${path}?${search}` : path, signal ? { signal } : {})).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown, options: RequestInit = {}): Promise<T> {
  const headers = new Headers(options.headers);
  headers.set("Content-Type", "application/json");
  return (await ask(path, { ...options, method: "POST", headers, body: JSON.stringify(body) })).json() as Promise<T>;
}

/** openSession exchanges the code in the address for the token of this tab, and takes the code out of the address. */
export async function openSession(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, "", location.pathname + "#/");
  token = "";
  token = (await post<{ token: string }>("/api/session", { code })).token;
  sessionStorage.setItem(slot, token);
}

/** listen calls back for each event of the server, until it ends the stream. */
export async function listen(told: (event: { etag?: string; problem?: string }) => void): Promise<void> {
  const reader = (await ask("/api/events")).body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop()!;
    for (const event of events) told(JSON.parse(event.slice("data: ".length)));
  }
}
