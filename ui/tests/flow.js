// The flow of a change on a real mesh: pick a workload, set a port to Strict, read who would be refused and why, apply, and see the locks
// change because the calls do. ADDRESS is the page's; test/mesh/page runs the mesh, and this. Each step says how long it took.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { browser, go, open } from "./support.js";

const shots = process.env.SHOTS ?? "";

test("a change is seen before it is made, and after it in the calls", async (t) => {
  assert.ok(process.env.ADDRESS, "ADDRESS names the page");
  const page = await open(t, await browser(t), process.env.ADDRESS, { allowed: ["409"] });
  await flow(page).catch(async (cause) => {
    console.log(await page.locator("main").innerText());
    throw cause;
  });
});

async function flow(page) {
  page.setDefaultTimeout(100_000); // calls leave the window a minute after they were made
  let since = performance.now();
  const step = async (name) => {
    console.log(`step: ${name}: ${((performance.now() - since) / 1000).toFixed(1)} s`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `flow-${name.replaceAll(/[^a-z]+/g, "-")}.png`) });
    }
    since = performance.now();
  };
  const arrow = (client, lock) => page.getByRole("img", { name: new RegExp(`^${client} calls shop/catalog: ${lock}`) });

  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.waitForFunction(() => document.querySelector("main")?.textContent?.includes("workload"));
  await step("the page opens");

  await go(page, "#/map/shop/catalog", "Map / shop / catalog");
  await arrow("Clients without a name", "Not mutual TLS").waitFor();
  await step("the map shows an open lock");

  await page.getByRole("link", { name: "Open workload" }).click();
  await page.getByText(/^0 of [\d,]+ calls are mutual TLS/).waitFor();
  await step("the workload is picked");

  await page.getByRole("link", { name: "Change…" }).click();
  const port = page.getByRole("group", { name: /^Port 8080/ });
  await port.getByRole("radio", { name: "Strict" }).check();
  await step("the mode of the port is chosen");

  await page.getByRole("heading", { name: "1 client would be refused" }).waitFor();
  await page.getByText(/[\d,]+ requests without mutual TLS/).waitFor();
  await page.getByText("It may be one of the pods without a proxy: shop/crawler").waitFor();
  await page.getByText("These use mutual TLS after the change, and are not refused.").waitFor();
  await page.getByText("Open connections to port 8080 of the pod end").waitFor();
  await step("the preview says who would be refused and why");

  // The first time another version of the policy is named than there is: the server finds that it has changed since the preview.
  await page.route("**/api/apply", (route) => route.continue({ headers: { ...route.request().headers(), "if-match": "1" } }), { times: 1 });
  await page.getByRole("button", { name: /^Apply to/ }).click();
  await page.getByRole("status").getByText("The policy has changed since the preview.").waitFor();
  await step("a stale policy is refused");

  await page.getByRole("button", { name: /^Apply to/ }).click();
  await page.getByRole("heading", { name: "MeshTLSPolicy shop/catalog is applied" }).waitFor();
  await step("the change is applied");

  await go(page, "#/policies", "Policies");
  await page.locator("main .item").filter({ hasText: "8080 Strict" }).getByText("Ready", { exact: true }).waitFor();
  await step("the policy is Ready");

  await go(page, "#/map/shop/catalog", "Map / shop / catalog");
  await arrow("shop/front", "All mutual TLS").waitFor();
  await arrow("Clients without a name", "Would be refused").waitFor();
  await step("the client with a proxy has a closed lock, that without one a cross");

  await arrow("Clients without a name", ".*").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Open workload" }).click();
  await page.getByText("calls are mutual TLS.").waitFor();
  const [, mutual, all] = /([\d,]+) of ([\d,]+) calls/.exec(await page.locator(".coverage").innerText());
  assert.equal(mutual, all, "all calls are mutual TLS");
  await step("the refused calls have left the window: all are mutual TLS");
}
