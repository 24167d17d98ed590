// Starts the plugin with a page, and a browser that sees it as a person does: every error of the console fails the test.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { record } from "./recording.js";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const plugin = process.env.PLUGIN ?? join(root, "bin/kubectl-meshtls");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const samples = ["-f", "config/samples"]; // from the root, where the plugin runs; the folders within are read along

/** folder is a new one that goes with the test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "meshtls-ui-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** serve runs the plugin, and returns the address that it prints. */
export async function serve(t, args, options = {}) {
  const child = spawn(plugin, ["ui", "--no-browser", ...args], { cwd: options.cwd ?? root, env: { ...process.env, ...options.env } });
  t.after(() => child.kill());
  let said = "";
  child.stderr.on("data", (chunk) => { said += chunk; });
  return new Promise((resolveAddress, reject) => {
    child.stdout.on("data", (chunk) => {
      const address = /http:\/\/\S+/.exec(String(chunk))?.[0];
      if (address) resolveAddress(address);
    });
    child.on("exit", (code) => reject(new Error(`the plugin ended with ${code}: ${said}`)));
  });
}

/** shop serves the samples with their traffic. */
export async function shop(t, args = []) {
  const path = join(folder(t), "recording.json");
  record(path);
  return serve(t, [...samples, "--recording", path, ...args], { cwd: root });
}

export async function browser(t) {
  const b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t.after(() => b.close());
  return b;
}

/** open opens the page in a tab of its own. Requests that leave the machine, and errors of the console, fail the test. */
export async function open(t, b, address, options = {}) {
  const context = await b.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") wrong.push(m.text()); });
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith("http://127.0.0.1:") && !r.url().startsWith("blob:")) wrong.push(`a request to ${r.url()}`); });
  page.allowed = options.allowed ?? [];
  t.after(() => assert.deepEqual(wrong.filter((w) => !page.allowed.some((a) => w.includes(a))), [], "the console is silent and no request leaves the machine"));
  await page.goto(address);
  return page;
}

/** go follows a deep link, and waits for what it shows. */
export async function go(page, hash, heading) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  await page.getByText("Reading", { exact: true }).first().waitFor({ state: "detached" });
}

/** accessible lets axe judge the page. */
export async function accessible(page, where) {
  // The page's policy lets nothing be injected; the debugger may.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map((v) => `${where}: ${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`), []);
}
