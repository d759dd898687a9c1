// Visitors of both groups go through the demo shop; the dashboard shows exactly what they did.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { CRAWLER, DESKTOP, launch, leave, PHONE, visitor } from "./browser.mjs";
import { Recorder } from "./recorder.mjs";
import { eventually, Tidemill } from "./tidemill.mjs";

let server, recorder, browser;
/** What the visitors did, counted by hand. */
const did = { impressions: 0, sessions: 0, bounces: 0, orders: 0, revenue: 0, errors: 0 };

/** Sessions of crawlers. */
const bots = new Set();

before(async () => {
  server = await Tidemill.start();
  const { sites } = await server.api("/api/v1/sites");
  if (!sites.some(({ name }) => name === "demo")) await server.site("demo");
  recorder = await Recorder.before(server);
  browser = await launch();
  await visits();
});

// A test that failed leaves its pages open.
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await recorder?.stop();
  await server?.stop();
});

const view = async (page, path) => {
  await page.goto(`${recorder.url}/demo-shop/${path}`);
  // Until the large picture of the slower group is there, and has been measured.
  await page.waitForTimeout(650);
  did.impressions += 1;
};

const visits = async () => {
  for (const [group, device] of [["A", DESKTOP], ["B", DESKTOP], ["A", PHONE], ["B", PHONE]]) {
    // Looks around and leaves.
    const looker = await visitor(browser, device);
    await view(looker.page, `?group=${group}`);
    await view(looker.page, "teas.html");
    await view(looker.page, "sencha.html");
    await leave(looker.page);
    await looker.leave();
    did.sessions += 1;

    // Sees one page only.
    const bouncer = await visitor(browser, device);
    await view(bouncer.page, `earl-grey.html?group=${group}`);
    await leave(bouncer.page);
    await bouncer.leave();
    did.sessions += 1;
    did.bounces += 1;
  }

  // Buys, and reloads the confirmation twice.
  const buyer = await visitor(browser, DESKTOP, ["The demo shop's button was pressed"]);
  await view(buyer.page, "assam.html?group=B");
  await buyer.page.click("#add");
  await buyer.page.click("text=Go to the cart");
  await buyer.page.waitForSelector(".total");
  did.impressions += 1;
  await buyer.page.click("text=Check out");
  await buyer.page.waitForSelector("#pay");
  did.impressions += 1;
  await buyer.page.click("text=Place the order");
  await buyer.page.waitForSelector("#order-id:not(:empty)");
  did.impressions += 1;
  for (let time = 0; time < 2; time += 1) {
    await buyer.page.waitForTimeout(300);
    await buyer.page.reload();
    did.impressions += 1;
  }
  await buyer.page.click("#break");
  await leave(buyer.page);
  await buyer.leave();
  did.sessions += 1;
  did.orders += 1;
  did.revenue += 990;
  did.errors += 1;

  // A declared bot reads two pages: told apart from people.
  const bot = await visitor(browser, CRAWLER);
  await bot.page.goto(`${recorder.url}/demo-shop/`);
  await bot.page.waitForTimeout(300);
  await bot.page.goto(`${recorder.url}/demo-shop/teas.html`);
  await bot.page.waitForTimeout(300);
  await leave(bot.page);
  await bot.leave();
  bots.add(recorder.beacons.at(-1).s);

  // All beacons are with the server, and counted.
  await eventually(() => server.api("/api/v1/sites/demo/overview?bots=include"), ({ current }) => current.beacons === recorder.beacons.length);
};

/** Nearest rank: the smallest value that so large a share does not exceed. */
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1];

/** The last value of a timer in each impression of people, as the browsers' web-vitals reported it. */
const reported = (timer, group) =>
  recorder
    .impressions()
    .filter((beacons) => !group || beacons[0].g === group)
    .filter(([{ s }]) => !bots.has(s))
    .map((beacons) => beacons.findLast(({ m }) => m?.[timer] !== undefined)?.m[timer])
    .filter((value) => value !== undefined);

const figure = (page, name) => page.locator(`[data-figure=${name}] .value`).innerText();

test("the dashboard shows exactly the impressions, sessions, bounces and orders", async () => {
  const { page, leave } = await visitor(browser, { viewport: { width: 1440, height: 900 }, locale: "en" });
  await page.goto(`${server.url}/sites/demo?range=1h`);
  await page.waitForSelector("[data-figure=impressions]");
  const seen = {
    impressions: Number(await figure(page, "impressions")),
    sessions: Number(await figure(page, "sessions")),
    bounces: Math.round((parseFloat(await figure(page, "bounce")) / 100) * did.sessions),
    orders: Number(await figure(page, "orders")),
    revenue: Math.round(Number((await figure(page, "revenue")).replace(/[^0-9.]/g, "")) * 100),
    errors: Number(await figure(page, "errors")),
  };
  assert.deepEqual(seen, did);
  await leave();
});

test("p75 of LCP is within 1 % of what the browsers reported", async () => {
  const { page, leave } = await visitor(browser, { viewport: { width: 1440, height: 900 }, locale: "en" });
  await page.goto(`${server.url}/sites/demo?range=1h`);
  const shown = Number(await page.locator("[data-vital=lcp] [data-p75]").getAttribute("data-p75"));
  const expected = quantile(reported("lcp"), 0.75);
  assert.ok(Math.abs(shown / expected - 1) <= 0.01, `shown ${shown}, reported ${expected}`);
  await leave();
});

test("the histogram tells the two groups apart, by what the delay is", async () => {
  const { groups } = await server.api("/api/v1/sites/demo/histogram?metric=lcp&by=group");
  const of = (name) => groups.find(({ value }) => value === name);
  for (const name of ["A", "B"]) {
    const values = reported("lcp", name);
    assert.equal(of(name).samples, values.length, name);
    const expected = quantile(values, 0.75);
    assert.ok(Math.abs(of(name).p75 / expected - 1) <= 0.01, `${name}: ${of(name).p75}, reported ${expected}`);
  }
  const slower = of("B").p75 - of("A").p75;
  assert.ok(slower > 100 && slower < 600, `B is delayed by 300 ms, and ${slower} ms slower`);
});

test("the reloaded confirmation is an issue, not an order", async () => {
  const { issues } = await server.api("/api/v1/sites/demo/quality");
  assert.equal(issues.find(({ issue }) => issue === "duplicate_order")?.count, 2);
});

test("the crawler is counted apart", async () => {
  const { bots: kinds } = await server.api("/api/v1/sites/demo/quality");
  assert.deepEqual(kinds, [{ kind: "search-engine", impressions: 2 }]);
});

test("a click on a row filters the whole page, and Back takes it away", async () => {
  const { page, leave } = await visitor(browser, { viewport: { width: 1440, height: 900 }, locale: "en" });
  await page.goto(`${server.url}/sites/demo?range=1h`);
  await page.getByRole("region", { name: "Devices" }).getByRole("button", { name: "Mobile" }).click();
  assert.match(page.url(), /filter=device%3Amobile/);
  const phones = String(recorder.impressions().filter(([first]) => first.vw === PHONE.viewport.width).length);
  await page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, phones);
  await page.goBack();
  await page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, String(did.impressions));
  await leave();
});

test("a new visit appears on the open page by itself", async () => {
  const dashboard = await visitor(browser, { viewport: { width: 1440, height: 900 }, locale: "en" });
  await dashboard.page.goto(`${server.url}/sites/demo?range=1h`);
  await dashboard.page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, String(did.impressions));
  const late = await visitor(browser, PHONE);
  await view(late.page, "rooibos.html?group=A");
  await dashboard.page.waitForFunction((text) => document.querySelector("[data-figure=impressions] .value")?.textContent === text, String(did.impressions), { timeout: 10_000 });
  await late.leave();
  await dashboard.leave();
});
