// What the page says of a cluster that lacks something. ADDRESS is the page's; at CONTROL the cluster changes. test/suite/page runs both,
// and this.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { accessible, browser, open } from "./support.js";

const shots = process.env.SHOTS ?? "";

test("what a cluster lacks is said, with what to do", async (t) => {
  const b = await browser(t);
  const page = await open(t, b, process.env.ADDRESS);
  const change = async (name) => assert.equal((await fetch(`${process.env.CONTROL}/${name}`, { method: "POST" })).status, 200, name);
  const banner = page.getByRole("status");
  const look = async (name, of = page) => {
    await accessible(of, name);
    console.log(`step: ${name}: ${(await of.locator("main").innerText()).split("\n")[0]}`);
    if (!shots) return;
    mkdirSync(shots, { recursive: true });
    await of.screenshot({ path: join(shots, `wrong-${name.replaceAll(" ", "-")}.png`) });
  };

  await banner.getByText("The cluster knows none of Istio’s kinds. Install Istio").waitFor();
  await look("no Istio");
  await change("istio");
  await banner.getByText("The cluster does not know MeshTLSPolicy.").waitFor();
  await look("no policies");
  await change("policies");
  await banner.waitFor({ state: "detached" });
  await look("all kinds");
});
