// A stand-in for the server while the page is developed: `node dev/server.mjs`, then `npm run dev` or open port 7181.
// Its figures are made up, the same on every start. Nothing of it is built into the console.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const PORT = Number(process.env.PORT ?? 7181);
const DIST = new URL("../dist/", import.meta.url).pathname;
const MINUTE = 60_000, HOUR = 3_600_000, DAY = 86_400_000;
const THRESHOLDS = { lcp: [2500, 4000], inp: [200, 500], cls: [0.1, 0.25], fcp: [1800, 3000], ttfb: [800, 1800], load: [3000, 6000] };
const MEDIAN = { lcp: 1650, inp: 90, cls: 0.04, fcp: 1100, ttfb: 320, load: 2700 };

/** A number in [0, 1) that depends on nothing but its arguments. */
const noise = (...of) => {
  let h = 2166136261;
  for (const c of of.join()) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
};
const rate = (time) => {
  const hour = (time % DAY) / HOUR;
  return (38 + 30 * Math.sin(((hour - 9) / 24) * 2 * Math.PI)) * (0.85 + 0.3 * noise("m", Math.floor(time / MINUTE)));
};
const impressionsIn = (from, to) => {
  const step = Math.max(Math.floor((to - from) / 400 / MINUTE), 1) * MINUTE;
  let sum = 0;
  for (let time = from; time < to; time += step) sum += rate(time) * (Math.min(step, to - time) / MINUTE);
  return Math.round(sum);
};
const counts = (impressions) => {
  const sessions = Math.round(impressions / 3.6);
  return {
    impressions, sessions, visitors: Math.round(sessions * 0.74), bounces: Math.round(sessions * 0.412), bounce_rate: sessions ? 0.412 : 0,
    session_impressions: impressions, session_seconds: sessions * 134, orders: Math.round(sessions * 0.029), revenue_cents: Math.round(sessions * 0.029) * 5430,
    errors: Math.round(impressions * 0.006), events: Math.round(impressions * 0.5), beacons: Math.round(impressions * 5.6), bots: Math.round(impressions * 0.21),
    issues: Math.round(impressions * 0.19), quarantined: Math.round(impressions * 0.001),
  };
};
const filtered = (query) => query.getAll("filter").reduce((factor, text) => factor * (0.1 + 0.5 * noise(text)), 1);
const VALUES = {
  page: ["/", "/teas.html", "/sencha.html", "/cart.html", "/earl-grey.html", "/checkout.html", "/order.html", "/night-mint.html", "/assam.html", "/rooibos.html"],
  referrer: ["", "www.google.com", "duckduckgo.com", "news.ycombinator.com", "www.instagram.com", "t.co", "bing.com"],
  device: ["mobile", "desktop", "tablet"], browser: ["Chrome", "Safari", "Firefox", "Edge", "Samsung Internet"],
  os: ["iOS", "Android", "Windows", "macOS", "Linux"], country: ["DE", "FR", "NL", "US", "AT", ""], navigation: ["navigate", "back_forward", "reload", "soft"], group: ["A", "B"],
};
const quantiles = (metric, shift = 1) => Object.fromEntries([["p50", 1], ["p75", 1.52], ["p95", 3.1]].map(([name, f]) => [name, Math.round(MEDIAN[metric] * f * shift * 1e4) / 1e4]));

const answers = {
  overview: (q, { from, to }) => ({ current: counts(Math.round(impressionsIn(from, to) * filtered(q))), previous: counts(Math.round(impressionsIn(2 * from - to, from) * 0.92 * filtered(q))) }),
  timeseries: (q, { from, to }) => {
    const asked = q.get("interval") ?? "auto";
    const interval = asked !== "auto" ? asked : to - from <= 4 * HOUR ? "minute" : to - from <= 8 * DAY ? "hour" : "day";
    const step = { minute: MINUTE, hour: HOUR, day: DAY }[interval];
    const series = (a, b) => {
      const points = [];
      for (let time = Math.floor(a / step) * step; time < b && points.length < 2000; time += step) points.push({ time, ...counts(Math.round(impressionsIn(time, time + step) * filtered(q))), p75_lcp: 2300 + 500 * noise("l", time) });
      return points;
    };
    return { interval, points: series(from, to), previous: series(2 * from - to, from) };
  },
  vitals: (q, { from, to }) => ({
    metrics: Object.keys(MEDIAN).map((metric) => {
      const samples = Math.round(impressionsIn(from, to) * filtered(q) * (metric === "inp" ? 0.4 : 0.9));
      const { p50, p75, p95 } = quantiles(metric);
      const good = p75 <= THRESHOLDS[metric][0] ? 0.79 : 0.62;
      return { metric, unit: metric === "cls" ? "" : "ms", samples, p50, p75, p95, good: Math.round(samples * good), needs_improvement: Math.round(samples * (0.94 - good)), poor: Math.round(samples * 0.06), thresholds: THRESHOLDS[metric], previous_p75: p75 * (0.94 + 0.14 * noise(metric)), spark: Array.from({ length: 24 }, (_, i) => p75 * (0.9 + 0.2 * noise(metric, i))) };
    }),
  }),
  histogram: (q) => {
    const metric = q.get("metric") ?? "lcp";
    const width = MEDIAN[metric] / 12;
    const groups = ["A", "B"].map((value, at) => {
      const median = MEDIAN[metric] * (at ? 1.22 : 1);
      const bars = Array.from({ length: 80 }, (_, i) => {
        const x = (i + 0.5) * width;
        return { from: i * width, to: (i + 1) * width, weight: Math.exp(-(Math.log(x / median) ** 2) / 0.72) / x };
      });
      const sum = bars.reduce((total, { weight }) => total + weight, 0);
      return { value, samples: 18000 + at * 211, ...quantiles(metric, at ? 1.22 : 1), bars: bars.map(({ from, to, weight }) => ({ from, to, count: Math.round((weight / sum) * 18000), share: weight / sum })) };
    });
    return { metric, unit: "ms", width, groups };
  },
  breakdown: (q, { from, to }) => {
    const dimension = q.get("dimension");
    const only = q.getAll("filter").filter((f) => f.startsWith(`${dimension}:`)).map((f) => f.slice(dimension.length + 1));
    const all = impressionsIn(from, to) * filtered(q);
    const values = (VALUES[dimension] ?? ["free", "pro"]).filter((value) => !only.length || only.includes(value));
    const weights = values.map((_, i) => 1 / (i + 1.3));
    const sum = weights.reduce((a, b) => a + b, 0);
    const rows = values.map((value, i) => {
      const c = counts(Math.round((all * weights[i]) / sum));
      return { value, impressions: c.impressions, share: weights[i] / sum, sessions: c.sessions, bounce_rate: 0.3 + 0.2 * noise(value), orders: c.orders, revenue_cents: c.revenue_cents, p75_lcp: 1400 + 3200 * noise("p", value) };
    });
    const limit = Number(q.get("limit") ?? 10);
    return { dimension, rows: rows.slice(0, limit), other: { impressions: rows.slice(limit).reduce((n, r) => n + r.impressions, 0) } };
  },
  quality: (q, { from, to }) => {
    const n = impressionsIn(from, to);
    const issue = (name, share) => ({ issue: name, count: Math.round(n * share), share });
    return {
      beacons: Math.round(n * 5.6), impressions: n,
      issues: [issue("missing_load", 0.11), issue("duplicate_beacon", 0.034), issue("generated_id", 0.021), issue("duplicate_order", 0.004), issue("clock_skew", 0.002), issue("static_conflict", 0.0007)],
      bots: [["search-engine", 0.09], ["ai-crawler", 0.06], ["seo", 0.03], ["monitoring", 0.02]].map(([kind, share]) => ({ kind, impressions: Math.round(n * share) })),
      quarantine: [{ reason: "not JSON", count: 31 }, { reason: "no page impression id", count: 12 }],
      series: answers.timeseries(q, { from, to }).points.map(({ time, issues, bots }) => ({ time, issues, bots })),
    };
  },
  realtime: () => ({ visitors: 171, impressions_per_minute: Array.from({ length: 30 }, (_, i) => Math.round(rate(Math.floor(Date.now() / MINUTE) * MINUTE - (29 - i) * MINUTE))), pages: VALUES.page.map((value, i) => ({ value, visitors: Math.max(Math.round(58 / (i + 1)), 1) })), lag_ms: 380, behind_beacons: 3 }),
};
const retention = { minute_days: 2, hour_days: 60, day_days: 400, lake_days: 90, beacon_days: 3 };
const site = (name) => ({ id: 1, name, key: "k3yd0demo0001", created_ms: 0, timezone: "Europe/Berlin", currency: "EUR", session_gap_minutes: 30, dimensions: ["plan"], retention, rate_per_second: 100000 });
let sites = ["demo", "docs", "shop-fr"].map(site);

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const json = (body, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const path = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  if (path[0] !== "api") {
    const file = extname(url.pathname) ? url.pathname : "/index.html";
    const body = await readFile(join(DIST, file)).catch(() => null);
    return body ? response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(body) : response.writeHead(404).end();
  }
  const [, , kind, name, endpoint, dimension] = path;
  if (kind === "streams") return json(name ? { name, open_shards: 2, records: 91234, bytes: 48123456, retention_hours: 72, shards: [] } : { streams: [{ name: "beacons", open_shards: 2, records: 91234, bytes: 48123456, retention_hours: 72 }] });
  if (!name) {
    if (request.method !== "POST") return json({ sites });
    let body = "";
    for await (const piece of request) body += piece;
    sites = [...sites, site(JSON.parse(body).name)];
    return json(sites.at(-1), 201);
  }
  if (!sites.some((one) => one.name === name)) return json({ error: { code: "TM-API-0002", message: `there is no site "${name}"`, hint: "look it up in the list" } }, 404);
  if (endpoint === "events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let version = 0;
    const timer = setInterval(() => response.write(`event: update\ndata: ${JSON.stringify({ version: version++, time: Date.now(), lag_ms: 200 + (version % 5) * 90, behind_beacons: 3, visitors: 165 + (version % 9) })}\n\n`), 900);
    return request.on("close", () => clearInterval(timer));
  }
  if (endpoint === "dimensions") return json({ values: (VALUES[dimension] ?? []).filter((value) => value.startsWith(url.searchParams.get("prefix") ?? "")) });
  if (!answers[endpoint]) return json(sites.find((one) => one.name === name));
  const to = Number(url.searchParams.get("to") ?? Date.now());
  const range = { from: Number(url.searchParams.get("from") ?? to - DAY), to };
  json({ range, ...answers[endpoint](url.searchParams, range) });
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
