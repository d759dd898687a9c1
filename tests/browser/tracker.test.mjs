// The tracker in a real browser: which beacons it sends, when, and what it keeps.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { DESKTOP, launch, leave, visitor } from "./browser.mjs";
import { Recorder } from "./recorder.mjs";
import { eventually, Tidemill } from "./tidemill.mjs";

let server, recorder, browser, key;
let tests = 0;

before(async () => {
  server = await Tidemill.start();
  recorder = await Recorder.before(server);
  browser = await launch();
});
// A site for each test: what the pages of the test before send while they are closed is another's.
beforeEach(async () => {
  ({ key } = await server.site(`tracked-${(tests += 1)}`));
  recorder.only(key);
  recorder.pages = {};
});
// A test that failed leaves its pages open.
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  await recorder?.stop();
  await server?.stop();
});

/** A page with the tag; `attributes` go into it, `head` before it. */
const pageWith = (attributes = "", head = "", body = "<h1>A page with a headline</h1>") =>
  `<!doctype html><title>t</title><script>${head}</script><script defer src="/t.js" data-site="${key}" ${attributes}></script>${body}`;

const open = async (html, options = {}) => {
  recorder.pages["/a.html"] = html;
  const guest = await visitor(browser, { ...DESKTOP, ...options }, ["on purpose"]);
  await guest.page.goto(`${recorder.url}/a.html?x=1#top`);
  return guest;
};
const sent = (type) => eventually(() => recorder.beacons.filter(({ t }) => t === type), ({ length }) => length > 0, 5_000);
const kept = (page) => page.evaluate(() => Object.keys(localStorage));

test("an impression is told at once, after its load, and when it is left", async () => {
  const { page, leave: close } = await open(pageWith('data-group="A"'));
  await page.waitForTimeout(400);
  await leave(page);
  const [beacons] = recorder.impressions();
  assert.deepEqual(beacons.map(({ n }) => n), [0, 1, 2]);
  assert.deepEqual(beacons.map(({ t }) => t), ["nav", "load", "vitals"]);
  const [nav, load, last] = beacons;
  assert.equal(nav.url, `${recorder.url}/a.html?x=1`);
  assert.equal(nav.nt, "navigate");
  assert.equal(nav.g, "A");
  assert.equal(nav.vw, 1280);
  assert.ok(nav.m.ttfb >= 0);
  assert.ok(load.m.load > 0 && load.m.dcl > 0);
  assert.equal(last.x, true);
  assert.ok(last.m.fcp > 0 && last.m.lcp >= last.m.fcp && last.m.cls >= 0);
  await close();
});

test("a session lasts over pages and tabs, and is another after half an hour of silence", async () => {
  const { page, leave: close } = await open(pageWith());
  await sent("load");
  await page.reload();
  await eventually(() => recorder.impressions().length, (count) => count === 2);
  await page.evaluate((name) => {
    const [id] = localStorage.getItem(name).split(".");
    localStorage.setItem(name, `${id}.${Date.now() - 31 * 60_000}`);
  }, `tidemill.${key}.s`);
  // Nothing is sent by the page that is left now: it would keep the session awake.
  await page.goto("about:blank");
  await page.goto(`${recorder.url}/a.html`);
  await eventually(() => recorder.impressions().length, (count) => count === 3);
  const [first, second] = recorder.impressions().map(([{ s }]) => s);
  assert.ok(first);
  assert.equal(first, second);
  assert.equal(recorder.impressions()[1][0].nt, "reload");
  await close();
});

test("events, orders and errors are told with their impression", async () => {
  const body = `<button id="b" data-tidemill-event="pressed">b</button>`;
  const early = `window.tidemill = function () { (tidemill.q = tidemill.q || []).push(arguments); };
    tidemill("event", "early", { interactive: false }); tidemill("dimensions", { plan: "pro" }); tidemill("group", "B");`;
  const { page, leave: close } = await open(pageWith("", early, body));
  await sent("load");
  await page.click("#b");
  await page.evaluate(() => {
    tidemill("order", { id: 10042, value_cents: 4999.4, currency: "EUR" });
    setTimeout(() => { throw new Error("on purpose"); });
    Promise.reject(new Error("a promise, on purpose"));
  });
  await eventually(() => recorder.beacons.filter(({ t }) => t === "error").length, (count) => count === 2);
  const events = await sent("event");
  assert.deepEqual(events.map(({ e }) => e), [{ name: "early", interactive: false }, { name: "pressed", interactive: true }]);
  assert.deepEqual((await sent("order"))[0].o, { id: "10042", value_cents: 4999, currency: "EUR" });
  const messages = recorder.beacons.filter(({ t }) => t === "error").map(({ err }) => err.msg).sort();
  assert.deepEqual(messages, ["Uncaught Error: on purpose", "a promise, on purpose"]);
  assert.ok(recorder.beacons.every(({ g, d }) => g === "B" && d.plan === "pro"), "what was queued counts from the first beacon");
  assert.equal(recorder.impressions().length, 1);
  const numbers = recorder.beacons.map(({ n }) => n);
  assert.deepEqual(numbers.toSorted((a, b) => a - b), numbers.map((_, at) => at), "no number twice, none left out");
  await close();
});

test("a router's new path is a new impression; a new query is not", async () => {
  const { page, leave: close } = await open(pageWith());
  await sent("load");
  await page.evaluate(() => {
    history.pushState({}, "", "?tab=2");
    history.pushState({}, "", "/next");
  });
  await eventually(() => recorder.impressions().length, (count) => count === 2);
  await page.goBack();
  await page.goBack();
  await eventually(() => recorder.impressions().length, (count) => count === 3);
  const [first, second, third] = recorder.impressions();
  assert.equal(second[0].nt, "soft");
  assert.equal(second[0].ref, first[0].url);
  assert.equal(new URL(third[0].url).pathname, "/a.html");
  assert.equal(new Set(recorder.beacons.map(({ s }) => s)).size, 1);
  await close();
});

test("a soft navigation is measured by itself, from the click on", async () => {
  const body = `<h1>A page with a headline</h1><button id="b">next</button><main></main>
    <script>b.onclick = () => setTimeout(() => {
      history.pushState({}, "", "/next");
      document.querySelector("main").innerHTML = "<h2 style='font-size: 80px'>The headline of the next page, long and large</h2>";
    }, 150);</script>`;
  const { page, leave: close } = await open(pageWith("", "", body));
  await sent("load");
  await page.click("#b");
  await page.waitForTimeout(800);
  await leave(page);
  const [first, next] = recorder.impressions().map((beacons) => beacons.at(-1));
  assert.equal(new URL(next.url).pathname, "/next");
  assert.ok(next.m.lcp >= 150 && next.m.lcp < 800, `${next.m.lcp} ms after the click`);
  assert.equal(next.m.load, undefined, "nothing was loaded");
  assert.equal(new URL(first.url).pathname, "/a.html");
  assert.ok(first.m.load > 0 && first.m.inp >= 0, "the click belongs to the page that it was made on");
  await close();
});

test("without storage nothing is kept and no session id is sent", async () => {
  const { page, leave: close } = await open(pageWith('data-storage="none"'));
  await sent("load");
  assert.deepEqual(await kept(page), []);
  assert.ok(recorder.beacons.every(({ s, u, p }) => s === undefined && u === undefined && p));
  await close();
});

test("a browser that asks for privacy is counted without storage, or not at all, as the site says", async () => {
  const signal = `Object.defineProperty(navigator, "globalPrivacyControl", { value: true });`;
  const counted = await open(pageWith("", signal));
  await sent("load");
  assert.deepEqual(await kept(counted.page), []);
  await counted.leave();

  recorder.beacons = [];
  const silent = await open(pageWith('data-privacy-signal="off"', signal));
  await silent.page.evaluate(() => tidemill("event", "said"));
  await silent.page.waitForTimeout(400);
  await leave(silent.page);
  assert.deepEqual(recorder.beacons, []);
  await silent.leave();

  const ignored = await open(pageWith('data-privacy-signal="ignore"', signal));
  await sent("load");
  assert.deepEqual(await kept(ignored.page), [`tidemill.${key}.s`]);
  await ignored.leave();
});

test("groups are shared out by a hash: the same visitor stays, and shares are kept", async () => {
  const { page, leave: close } = await open(pageWith());
  await sent("load");
  const groups = await page.evaluate(() => {
    const of = (seed) => tidemill("group", { A: 80, B: 20 }, { seed });
    const all = Array.from({ length: 5_000 }, (_, n) => of(`visitor-${n}`));
    return { again: of("visitor-7") === all[7], b: all.filter((group) => group === "B").length / all.length, own: tidemill("group", { A: 1, B: 1 }) };
  });
  assert.ok(groups.again);
  assert.ok(Math.abs(groups.b - 0.2) < 0.02, `${groups.b} of 0.2 in B`);
  await page.reload();
  await page.waitForFunction(() => typeof tidemill === "function");
  assert.equal(await page.evaluate(() => tidemill("group", { A: 1, B: 1 })), groups.own);
  await close();
});

test("where sendBeacon refuses, fetch takes over", async () => {
  const { leave: close } = await open(pageWith("", "navigator.sendBeacon = () => false;"));
  await sent("nav");
  await sent("load");
  await close();
});

test("a page rendered in advance is told only when it is seen", async () => {
  const hidden = `Object.defineProperty(document, "prerendering", { value: true, configurable: true });`;
  const { page, leave: close } = await open(pageWith("", hidden));
  await page.waitForTimeout(400);
  assert.deepEqual(recorder.beacons, []);
  await page.evaluate(() => document.dispatchEvent(new Event("prerenderingchange", { bubbles: true })));
  await sent("nav");
  await close();
});

test("a page that comes back from the browser's memory is a new impression", async () => {
  const { page, leave: close } = await open(pageWith());
  await sent("load");
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await eventually(() => recorder.impressions().length, (count) => count === 2);
  assert.equal(recorder.impressions()[1][0].nt, "back_forward");
  await close();
});

test("a second tag counts nothing twice, and a page that runs wild is cut off", async () => {
  const twice = pageWith() + `<script defer src="/t.js" data-site="${key}"></script>`;
  const { page, leave: close } = await open(twice);
  await sent("load");
  assert.equal(recorder.impressions().length, 1);
  await page.evaluate(() => { for (let n = 0; n < 2_000; n += 1) tidemill("event", "again"); });
  await page.waitForTimeout(1_500);
  assert.ok(recorder.beacons.length <= 500, `${recorder.beacons.length} beacons`);
  await close();
});
