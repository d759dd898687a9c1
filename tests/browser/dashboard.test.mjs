// The console's pages in each of their states: empty, with data, broken, by keyboard, small and large, dark and light.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DESKTOP, launch, PHONE, visitor } from "./browser.mjs";
import { eventually, freePort, Tidemill } from "./tidemill.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const LARGE = { viewport: { width: 1440, height: 900 }, locale: "en" };
const SMALL = { viewport: { width: 390, height: 844 }, locale: "en" };
const IMPRESSIONS = 60;
/** Script before charts are needed, gzipped. */
const SCRIPT_BYTES_MAX = 300_000;

let server, browser;

before(async () => {
  server = await Tidemill.start();
  const { key } = await server.site("shop");
  await server.site("quiet");
  await fill(key);
  browser = await launch();
});
// A test that failed leaves its pages open.
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Beacons as the tracker sends them, of desktops and phones, in two groups, with an order and an error. */
const fill = async (key) => {
  for (let n = 0; n < IMPRESSIONS; n += 1) {
    const device = n % 3 ? DESKTOP : PHONE;
    const common = { v: 1, s: `session-${n >> 2}`, p: `impression-${n}`, ts: Date.now(), url: `https://shop.example/${["", "cart", "tea"][n % 3]}`, ref: n % 4 ? "" : "https://search.example/", nt: "navigate", g: n % 2 ? "B" : "A", vw: 1280, vh: 800 };
    const m = { ttfb: 100 + n, fcp: 700 + 10 * n, lcp: 1_200 + 20 * n + (n % 2) * 300, cls: 0.01 * (n % 20), inp: 20 * (n % 15), load: 2_000 + n, dcl: 1_500 };
    const beacons = [{ ...common, n: 0, t: "nav" }, { ...common, n: 1, t: "vitals", m }];
    if (n === 7) beacons.push({ ...common, n: 2, t: "order", o: { id: "10042", value_cents: 4_999, currency: "EUR" } });
    if (n === 9) beacons.push({ ...common, n: 2, t: "error", err: { msg: "x is undefined" } });
    for (const beacon of beacons) {
      const response = await fetch(`${server.url}/b/${key}`, { method: "POST", body: JSON.stringify(beacon), headers: { "content-type": "text/plain", "user-agent": device.userAgent } });
      assert.equal(response.status, 204);
    }
  }
  await eventually(() => server.api("/api/v1/sites/shop/overview"), ({ current }) => current.impressions === IMPRESSIONS && current.orders === 1);
};

/** Waits for the figures, the charts and the tables. */
const settled = async (page) => {
  await page.waitForSelector("[data-figure=impressions]");
  await page.waitForFunction(() => document.querySelectorAll(".vega svg").length >= 2);
  await page.waitForSelector("[aria-busy=true]", { state: "detached" });
};
const shown = (page, figure) => page.locator(`[data-figure=${figure}] .value`).innerText();
const wideness = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

const faults = async (page) => {
  await page.addScriptTag({ path: AXE }).catch(async () => page.evaluate(await readFile(AXE, "utf8")));
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join(" | ")}`);
};

for (const [size, options] of [["1,440 px", LARGE], ["390 px", SMALL]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`a site's page with data at ${size}, ${colorScheme}: whole, not wider than the window, accessible`, async () => {
      const { page, leave } = await visitor(browser, { ...options, colorScheme });
      await page.goto(`${server.url}/sites/shop`);
      await settled(page);
      assert.equal(await shown(page, "impressions"), String(IMPRESSIONS));
      assert.equal(await shown(page, "orders"), "1");
      assert.equal(await shown(page, "errors"), "1");
      for (const region of ["Core Web Vitals", "A/B groups", "Pages", "Sources", "Devices", "Browsers", "Data quality and bots", "Right now"]) {
        assert.ok(await page.getByRole("region", { name: region }).isVisible(), region);
      }
      assert.ok((await wideness(page)) <= 0, "nothing sticks out");
      assert.deepEqual(await faults(page), []);
      await leave();
    });

    test(`the list of sites at ${size}, ${colorScheme}`, async () => {
      const { page, leave } = await visitor(browser, { ...options, colorScheme });
      await page.goto(server.url);
      await page.getByRole("list", { name: "Sites" }).getByRole("link", { name: "shop" }).filter({ hasText: `Impressions${IMPRESSIONS}` }).waitFor();
      assert.ok((await wideness(page)) <= 0);
      assert.deepEqual(await faults(page), []);
      await leave();
    });
  }
}

test("a site without visitors shows its tag, and fills by itself when the first one comes", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/quiet`);
  await page.getByText("No visitors in this range yet").waitFor();
  const { key } = await server.api("/api/v1/sites/quiet");
  assert.equal(await page.locator(".waiting pre").innerText(), `<script defer src="${server.url}/t.js" data-site="${key}"></script>`);
  assert.deepEqual(await faults(page), []);
  const beacon = { v: 1, s: "s", p: "p", n: 0, t: "nav", ts: Date.now(), url: "https://quiet.example/", nt: "navigate" };
  await fetch(`${server.url}/b/${key}`, { method: "POST", body: JSON.stringify(beacon), headers: { "user-agent": DESKTOP.userAgent } });
  await page.waitForFunction(() => document.querySelector("[data-figure=impressions] .value")?.textContent === "1");
  await page.getByText("No visitors in this range yet").waitFor({ state: "detached" });
  await leave();
});

test("a site that does not exist is said to be missing, with what to do", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/nowhere`);
  await page.getByRole("alert").waitFor();
  assert.ok(await page.getByRole("link", { name: "All sites" }).isVisible());
  assert.match(await page.getByRole("alert").innerText(), /TM-[A-Z]+-\d{4}/);
  await leave();
});

test("all that is seen is in the address: it opens the same again", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/shop`);
  await settled(page);
  await page.getByRole("region", { name: "Pages" }).getByRole("button", { name: "/cart" }).click();
  await page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, String(IMPRESSIONS / 3));
  await page.locator("[data-figure=orders]").click();
  await page.locator("[data-vital=inp]").click();
  await page.getByRole("button", { name: "System" }).click();
  await page.keyboard.press("1");
  const address = page.url();
  for (const part of ["filter=page%3A%2Fcart", "series=orders", "vital=inp", "devices=os", "range=1h"]) assert.ok(address.includes(part), `${part} in ${address}`);

  const again = await visitor(browser, LARGE);
  await again.page.goto(address);
  await settled(again.page);
  assert.equal(await shown(again.page, "impressions"), String(IMPRESSIONS / 3));
  assert.equal(await again.page.locator("[data-figure=orders]").getAttribute("aria-pressed"), "true");
  assert.equal(await again.page.locator("[data-vital=inp]").getAttribute("aria-pressed"), "true");
  await again.leave();

  await page.goBack();
  assert.ok(!page.url().includes("range=1h"));
  await leave();
});

test("everything can be reached by keyboard alone", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(server.url);
  await page.getByRole("link", { name: "shop" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("shop");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/sites/shop");
  await settled(page);
  // A range, a filter by typing, the figures of the chart, held and live.
  await page.keyboard.press("5");
  await page.waitForURL(/range=7d/);
  await page.keyboard.press("f");
  await page.waitForSelector("[role=dialog][aria-label='Add a filter'] li button");
  await page.keyboard.type("/ca");
  await page.locator(".values li").getByText("/cart").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".values li").length === 1);
  await page.keyboard.press("Enter");
  await page.waitForURL(/filter=page%3A%2Fcart/);
  await page.keyboard.press("x");
  await page.waitForURL((url) => !url.search.includes("filter"));
  await page.keyboard.press("l");
  await page.getByRole("switch", { checked: false }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "detached" });

  // By Tab alone each control is reached, seen, and has a name.
  const seen = new Set();
  for (let step = 0; step < 140; step += 1) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return "end";
      const style = getComputedStyle(element);
      const name = element.getAttribute("aria-label") || element.textContent.trim() || element.getAttribute("placeholder") || element.closest("label")?.textContent.trim();
      return { name: name?.slice(0, 40), outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
    });
    if (now === "end") break;
    assert.ok(now.name, "a focused control without a name");
    assert.ok(now.outlined, `the focus on “${now.name}” is not seen`);
    seen.add(now.name);
  }
  assert.ok(seen.size > 40, `${seen.size} controls were reached`);
  await page.getByRole("slider").first().focus();
  await page.keyboard.press("ArrowLeft");
  await page.locator(".word").first().waitFor();
  await leave();
});

test("dialogs: settings are changed, figures are sorted, all accessible", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/shop?dialog=settings`);
  await page.getByLabel("A session ends after (minutes)").fill("45");
  assert.deepEqual(await faults(page), []);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Settings saved").waitFor();
  assert.equal((await server.api("/api/v1/sites/shop")).session_gap_minutes, 45);

  await page.goto(`${server.url}/sites/shop?dialog=details.page`);
  await page.getByRole("dialog").getByRole("row", { name: "/cart" }).waitFor();
  await page.getByRole("dialog").getByRole("columnheader", { name: "p75 LCP" }).getByRole("button").click();
  assert.equal(await page.getByRole("dialog").getByRole("columnheader", { name: "p75 LCP" }).getAttribute("aria-sort"), "descending");
  assert.deepEqual(await faults(page), []);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
  const lines = (await readFile(await file.path(), "utf8")).trim().split("\r\n");
  assert.match(lines[0], /^value,impressions,/);
  assert.equal(lines.length, 4, "a heading and the three pages");
  await leave();
});

test("a chart can be downloaded as a picture", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/shop`);
  await settled(page);
  await page.getByRole("button", { name: "A/B groups: copy and download" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download PNG" }).click()]);
  const bytes = await readFile(await file.path());
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  assert.ok(bytes.length > 5_000);
  await leave();
});

test("a site is created in the page", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(server.url);
  await page.getByRole("link", { name: "New site" }).click();
  await page.getByLabel("Name of the site").fill("shop");
  await page.getByRole("button", { name: "Create the site" }).click();
  await page.getByRole("alert").getByText("shop").waitFor();
  await page.getByLabel("Name of the site").fill("made-here");
  await page.getByRole("button", { name: "Create the site" }).click();
  await page.waitForURL("**/sites/made-here");
  await page.getByText("No visitors in this range yet").waitFor();
  await leave();
});

test("streams are listed, described and followed", async () => {
  const { page, leave } = await visitor(browser, { ...LARGE, colorScheme: "dark" });
  await server.api("/api/v1/streams", { name: "notes", shards: 2 });
  await page.goto(`${server.url}/streams`);
  await page.getByRole("link", { name: "notes" }).click();
  await page.getByText("Waiting for a record…").waitFor();
  await server.api("/api/v1/streams/notes/records", { records: [{ data: "hello from the test", partition_key: "k" }] });
  await page.getByText("hello from the test").waitFor();
  assert.deepEqual(await faults(page), []);
  assert.ok((await wideness(page)) <= 0);
  await leave();
});

test("the first script is small, and charts come after the numbers", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  const scripts = [];
  page.on("response", async (response) => {
    if (response.url().endsWith(".js")) scripts.push({ url: response.url(), bytes: gzipSync(await response.body()).length });
  });
  await page.goto(`${server.url}/`);
  await page.getByRole("link", { name: "shop" }).waitFor();
  await page.waitForLoadState("networkidle").catch(() => {});
  const bytes = scripts.reduce((sum, script) => sum + script.bytes, 0);
  assert.ok(bytes > 0 && bytes < SCRIPT_BYTES_MAX, `${bytes} bytes`);
  assert.ok(!scripts.some(({ url }) => url.includes("vega")), "no chart is needed yet");
  await leave();
});

test("a server that stops leaves the figures, says so, and is picked up again", async () => {
  const { page, leave } = await visitor(browser, LARGE);
  await page.goto(`${server.url}/sites/shop`);
  await settled(page);
  await server.halt();
  await page.getByRole("switch", { name: /Connection lost/ }).waitFor();
  await page.keyboard.press("4");
  await page.getByRole("alert").first().waitFor();
  assert.equal(await shown(page, "impressions"), String(IMPRESSIONS), "the last figures stay");
  assert.deepEqual(await faults(page), []);
  await page.keyboard.press("2");
  await server.run();
  await page.getByRole("switch", { name: /behind/ }).waitFor({ timeout: 20_000 });
  await page.getByRole("alert").first().waitFor({ state: "detached", timeout: 20_000 });
  await page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, String(IMPRESSIONS));
  await leave();
});

test("a page opened while the server is gone shows no figures and says what to do", async () => {
  const gone = `http://127.0.0.1:${await freePort()}`;
  const { page, leave } = await visitor(browser, LARGE);
  await page.route(`${server.url}/api/**`, (route) => route.continue({ url: route.request().url().replace(server.url, gone) }));
  await page.goto(`${server.url}/sites/shop`);
  await page.getByText("The server can’t be reached.").first().waitFor();
  assert.equal(await page.locator("[data-figure=impressions]").count(), 0);
  assert.deepEqual(await faults(page), []);
  await leave();
});
