// What the page must hold, seen by a browser: every screen in both sizes and colours, the keyboard alone, text that is not markup, a
// large mesh, and each state in which something is wrong.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { accessible, browser, folder, go, open, root, serve, shop } from "./support.js";
import { record } from "./recording.js";
import { large } from "./large.js";

const screens = {
  overview: ["#/", "Overview"],
  workloads: ["#/workloads", "Workloads"],
  namespaces: ["#/map", "Map"],
  map: ["#/map/shop", "Map / shop"],
  neighbours: ["#/map/shop/catalog", "Map / shop / catalog"],
  matrix: ["#/matrix/shop", "Matrix"],
  gateways: ["#/gateways", "Gateways"],
  policies: ["#/policies", "Policies"],
  rollouts: ["#/rollouts", "Rollouts"],
  findings: ["#/findings", "Findings"],
  why: ["#/why?client=warehouse%2Fscanners&host=catalog.shop", "Why?"],
  workload: ["#/workload/shop/catalog", "shop/catalog"],
  change: ["#/workload/shop/catalog/change", "shop/catalog / Change"],
};

/** shots is where pictures of the screens are kept; empty: nowhere. */
const shots = process.env.SHOTS ?? "";

test("every screen is accessible and fits, in both sizes and colours", async (t) => {
  const b = await browser(t);
  const page = await open(t, b, await shop(t));
  for (const [name, [hash, heading]] of Object.entries(screens)) {
    await go(page, hash, heading);
    if (name === "change") await page.getByRole("group", { name: /^Port 9102/ }).getByRole("radio", { name: "Strict" }).check();
    if (name === "change") await page.getByText("would be refused").waitFor();
    await look(page, name);
  }
});

/** look judges what is shown in both sizes and colours, and takes the pictures. */
async function look(page, name) {
  for (const width of [1440, 390, 320]) {
    await page.setViewportSize({ width, height: 900 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${name} at ${width}: ${over} pixels stick out`);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      if (width !== 320) await accessible(page, `${name} at ${width}, ${colorScheme}`);
      if (shots && width !== 320) {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `${name}-${width}-${colorScheme}.png`) });
      }
    }
  }
  await page.emulateMedia({ forcedColors: "active" });
  await accessible(page, `${name} in forced colours`);
  await page.emulateMedia({ forcedColors: null });
}

/** onTheirWay serves a mesh with rollouts, and a client that would block another. */
async function onTheirWay(t) {
  const files = folder(t), recording = join(files, "recording.json"), mesh = join(files, "mesh");
  mkdirSync(mesh);
  for (const name of ["config/samples/00-namespaces.yaml", "config/samples/01-shop.yaml", "cmd/kubectl-meshtls/testdata/in/rollout.yaml"]) copyFileSync(join(root, name), join(mesh, basename(name)));
  writeFileSync(join(mesh, "observing.yaml"), JSON.stringify({
    apiVersion: "security.meshtls.dev/v1alpha1", kind: "MeshTLSPolicy", metadata: { name: "frontend", namespace: "shop" },
    spec: { workload: { service: "frontend" }, accept: { mode: "Strict", rollout: { observe: "48h", gate: "Manual" } } },
    status: { rollout: {
      phase: "Observing", mode: "Permissive", since: "2026-11-29T08:00:00Z", cleanSince: "2026-11-30T12:00:00Z",
      coverage: { source: "Prometheus", pods: 2, reporting: 1, from: "2026-11-28T12:00:00Z", requests: 1200, mutualTLS: 1191 },
    } },
  }));
  record(recording, [["shop/frontend", "shop/catalog", "http", 900, 0], ["legacy/crawler", "shop/catalog", "http", 0, 40]]);
  return serve(t, ["-f", mesh, "--recording", recording]);
}

test("rollouts are followed, and their screens are accessible and fit", async (t) => {
  const b = await browser(t);
  const page = await open(t, b, await onTheirWay(t));
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.getByRole("link", { name: "Blocked", exact: true }).waitFor();
  await look(page, "overview-rollouts");
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.getByText("4 policies on the way to Strict").waitFor();
  const blocked = page.locator("main .item").filter({ hasText: "rollout pause payments" });
  for (const words of ["Blocked since 2026-11-20 12:00Z", "legacy/crawler", "at port 8080", "last 2026-11-30 11:00Z", "Its pods have no proxy.", "Strict would refuse", "Once nobody calls that way any more", "kubectl meshtls rollout pause payments -n shop"]) {
    await blocked.getByText(words).first().waitFor();
  }
  await page.getByText("Permissive; Strict at 8080").waitFor();
  const observing = page.locator("main .item").filter({ hasText: "rollout pause frontend" });
  for (const words of ["2026-11-30 12:00Z, of 48h that are needed", "2026-12-02 12:00Z, if no such call comes before", "1,191 of 1,200 calls with mutual TLS; 1 of 2 pods report; Prometheus from 2026-11-28 12:00Z", "Manual: somebody approves"]) {
    await observing.getByText(words).waitFor();
  }
  await look(page, "rollouts-some");
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.keyboard.press("/");
  await page.keyboard.type("switching");
  await page.getByRole("heading", { level: 2, name: /^shop\/ ?prices/ }).waitFor();
  assert.equal(await page.locator("main .item").count(), 1, "the filter leaves one");
  await page.getByRole("link", { name: /^shop\/prices/ }).first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 2, name: /^Rollout to Strict/ }).waitFor();
  await look(page, "workload-rollout");
});

test("Strict goes by way of a rollout unless at once is chosen", async (t) => {
  const b = await browser(t);
  const page = await open(t, b, await onTheirWay(t));
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await go(page, "#/workload/shop/catalog/change", "shop/catalog / Change");
  const mode = page.getByRole("group", { name: /^The workload/ });
  assert.equal(await page.getByRole("group", { name: /^How it becomes Strict/ }).count(), 0, "no way is asked for where it does not become Strict");
  await mode.getByRole("radio", { name: "Inherit" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText("observe: 24h").waitFor();
  const way = page.getByRole("group", { name: /^How it becomes Strict/ });
  assert.ok(await way.getByRole("radio", { name: "By way of a rollout" }).isChecked(), "a rollout is preselected");
  await page.getByText("The workload is Permissive until").waitFor();
  await page.getByText("1 client would be refused at the end.").waitFor();
  await page.getByText("legacy/crawler").waitFor();
  await mode.getByText("Strict after the rollout").waitFor();
  await look(page, "change-rollout");
  await way.getByRole("radio", { name: "By way of a rollout" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("heading", { name: "1 client would be refused", exact: true }).waitFor();
  assert.equal(await page.getByText("observe: 24h").count(), 0, "the rollout is taken out");
  await mode.getByRole("radio", { name: "Permissive" }).check();
  await way.waitFor({ state: "detached" });
});

test("a change is chosen, previewed, made and seen by the keyboard alone", async (t) => {
  const files = folder(t), recording = join(files, "recording.json"), mesh = join(files, "mesh");
  mkdirSync(mesh);
  for (const name of ["00-namespaces.yaml", "01-shop.yaml", "13-accept-ports.yaml"]) copyFileSync(join(root, "config/samples", name), join(mesh, name));
  record(recording, [["shop/frontend", "shop/catalog", "http", 900, 0], ["legacy/crawler", "shop/catalog", "http", 0, 40]]);
  const b = await browser(t);
  const page = await open(t, b, await serve(t, ["-f", mesh, "--recording", recording]));
  const keys = async (...all) => { for (const key of all) await page.keyboard.press(key); };
  const until = async (name, most = 60) => {
    for (let n = 0; n < most; n++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement?.closest("label")?.textContent || document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent);
      if (focused?.trim() === name) return;
    }
    assert.fail(`${name} is not reached with Tab`);
  };
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await keys("g", "w");
  await page.getByRole("heading", { level: 1, name: "Workloads" }).waitFor();
  await keys("/");
  await page.keyboard.type("catalog accepts:permissive");
  await page.getByText("1 of 5 workloads").waitFor();
  await until("shop/catalog");
  await keys("Enter");
  await page.getByText("900 of 940 calls are mutual TLS.").waitFor();
  await until("Change…");
  await keys("Enter");
  await page.getByText("Nothing is changed yet").waitFor();
  for (let n = 0; n < 30; n++) {
    if (await page.evaluate(() => document.activeElement?.getAttribute("name") === "port-9102")) break;
    await keys("Tab");
  }
  await keys("ArrowLeft");
  const group = page.getByRole("group", { name: /^Port 9102/ });
  assert.ok(await group.getByRole("radio", { name: "Strict" }).isChecked(), "Strict is chosen");
  await page.getByText("1 client would be refused").waitFor();
  await page.getByText("legacy/crawler").waitFor();
  await page.getByText("Open connections to port 9102 of the pod end").waitFor();
  await until("Download");
  const [download] = await Promise.all([page.waitForEvent("download"), keys("Enter")]);
  assert.equal(download.suggestedFilename(), "shop-catalog.yaml");
  // Who puts the document in place of the old one sees the port change, without a reload.
  copyFileSync(await download.path(), join(mesh, "13-accept-ports.yaml"));
  await page.getByText("Nothing is changed yet").waitFor();
  assert.match(await group.textContent(), /Strict$/);
});

test("the lock of an arrow follows the traffic", async (t) => {
  const path = join(folder(t), "recording.json");
  const b = await browser(t);
  for (const [mutual, other, lock] of [[90, 0, "All mutual TLS"], [90, 9, "Partly mutual TLS"], [0, 9, "Not mutual TLS"]]) {
    record(path, [["shop/frontend", "shop/catalog", "http", mutual, other]]);
    const page = await open(t, b, await serve(t, ["-f", join(root, "config/samples"), "--recording", path]));
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await go(page, "#/map/shop/catalog", "Map / shop / catalog");
    await page.getByRole("img", { name: `shop/frontend calls shop/catalog: ${lock}` }).waitFor();
  }
});

test("names that look like markup are text", async (t) => {
  const mesh = join(folder(t), "mesh.yaml"), name = "<img src=x onerror=alert(1)>";
  writeFileSync(mesh, [
    { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "shop", labels: { app: "a" } }, spec: { containers: [{ name: "a", image: "a", ports: [{ name: "b", containerPort: 80 }] }] } },
    { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "shop" }, spec: { selector: { app: "a" }, ports: [{ port: 80 }] } },
    { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication", metadata: { name, namespace: "shop" }, spec: { selector: { matchLabels: { app: "a" } }, portLevelMtls: { 9999: { mode: "STRICT" } } } },
  ].map((o) => JSON.stringify(o)).join("\n---\n"));
  const b = await browser(t);
  const page = await open(t, b, await serve(t, ["-f", mesh]));
  page.on("dialog", () => assert.fail("a script ran"));
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  for (const hash of ["#/workloads", "#/map/shop", "#/matrix/shop", "#/findings", `#/workload/shop/${encodeURIComponent(name)}`]) {
    await page.evaluate((to) => { location.hash = to; }, hash);
    await page.getByText("<img").first().waitFor();
    assert.equal(await page.locator("img").count(), 0, hash);
  }
});

test("a large mesh is fast", async (t) => {
  const files = folder(t);
  const { mesh, recording } = large(files, 500, 2000);
  const b = await browser(t);
  const address = await serve(t, ["-f", mesh, "--recording", recording]);
  const page = await open(t, b, address);
  await page.getByText("500 workloads in 20 namespaces").waitFor({ timeout: 60000 });
  const started = Date.now();
  const [overview] = await Promise.all([page.waitForResponse((r) => r.url().endsWith("/api/overview")), page.reload()]);
  await page.getByText("500 workloads in 20 namespaces").waitFor();
  const paint = Date.now() - started, size = (await overview.body()).length;
  const took = async (hash, what) => page.evaluate(async ([to, words]) => {
    const begin = performance.now();
    location.hash = to;
    while (!document.querySelector("main")?.textContent?.includes(words)) await new Promise(requestAnimationFrame);
    return Math.round(performance.now() - begin);
  }, [hash, what]);
  await took("#/workloads", "500 workloads");
  const filter = await took("#/workloads?filter=ns:n7", "25 of 500 workloads");
  const map = await took("#/map/n7", "25 workloads");
  const measured = `first paint ${paint} ms, ${size} bytes of JSON, filter ${filter} ms, map ${map} ms`;
  t.diagnostic(measured);
  assert.ok(size <= 400_000, measured);
  // A machine that other tests share is slower: the figures of the documents are a quarter of these bounds.
  assert.ok(paint <= 4000 && filter <= 400 && map <= 800, measured);
});

test("an address opens the page once, and the tab keeps it", async (t) => {
  const b = await browser(t);
  const address = await shop(t);
  const first = await open(t, b, address);
  await first.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  assert.ok(!first.url().includes("code="), "the code is out of the address");
  await first.evaluate(() => { location.hash = "#/map/shop"; });
  await first.reload();
  await first.getByRole("heading", { level: 1, name: "Map / shop" }).waitFor();
  const second = await open(t, b, address, { allowed: ["401"] });
  await second.getByRole("heading", { name: "This tab has no session" }).waitFor();
  await accessible(second, "without a session");
});

test("what is wrong is said, with what to do", async (t) => {
  const b = await browser(t);
  const cases = {
    "no cluster": { args: ["--server", "http://127.0.0.1:1", "--kubeconfig", "/dev/null"], says: /could not be read/, allowed: ["502", "503"] },
    "nothing to see": { args: ["-f", join(folder(t), "empty.yaml")], file: '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}', says: /There are no workloads/ },
    "a document that is wrong": { args: ["-f", join(folder(t), "bad.yaml")], file: '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}\n---\n{"apiVersion":"v1","kind":"Service","metadata":{"name":"b"},"spec":{"ports":"none"}}', says: /bad\.yaml/ },
    "Prometheus is down": { args: ["-f", join(root, "config/samples"), "--prometheus", "http://127.0.0.1:1"], says: /Traffic is not known/ },
  };
  for (const [name, c] of Object.entries(cases)) {
    if (c.file) writeFileSync(c.args[1], c.file);
    const page = await open(t, b, await serve(t, c.args), { allowed: c.allowed ?? [] });
    await page.getByText(c.says).first().waitFor({ timeout: 20000 });
    await accessible(page, name);
    await page.close();
  }
});

test("a mesh that is gone while the page is open stays, with what is wrong", async (t) => {
  const mesh = join(folder(t), "mesh.yaml");
  writeFileSync(mesh, '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop"},"spec":{"containers":[{"name":"a","image":"a"}]}}');
  const b = await browser(t);
  const page = await open(t, b, await serve(t, ["-f", mesh]));
  await page.getByText("1 workload in 1 namespace").waitFor();
  writeFileSync(mesh, "{");
  await page.getByRole("status").getByText(mesh).waitFor();
});

test("the sources name no address but their own", () => {
  assert.doesNotMatch(readFileSync(join(root, "internal/ui/dist/page.js"), "utf8"), /https?:\/\/(?!www\.w3\.org\/)/);
});
