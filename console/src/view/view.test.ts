import { describe, expect, test } from "vitest";
import { issueTitle, plainWords, valueTitle } from "./labels";
import { bounds, custom, isOpen, PRESETS, RANGE_MAX_MS, shifted } from "./range";
import { isServerPath, parseRoute, sitePath } from "./route";
import { apiQuery, formatView, parseFilters, parseView, toggleFilter, type View } from "./view";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const now = new Date(2026, 2, 14, 9, 30, 20).getTime();

describe("the address", () => {
  test("of a page as it comes is empty", () => {
    expect(formatView(parseView(""))).toBe("");
  });

  test("says all that is shown, and is read back the same", () => {
    const view: View = {
      range: { from: 1_760_000_040_000, to: 1_760_003_640_000 },
      filters: [
        { dimension: "page", value: "/a:b?c=d&e" },
        { dimension: "page", value: "/ü" },
        { dimension: "referrer", value: "" },
      ],
      bots: "only",
      interval: "hour",
      compare: false,
      series: "revenue_cents",
      vital: "inp",
      tabs: { pages: "navigation", sources: "country", devices: "os", browsers: "plan" },
      dialog: "details.page",
    };
    expect(parseView(formatView(view))).toEqual(view);
  });

  test("each preset survives", () => {
    for (const { preset } of PRESETS) {
      const view = { ...parseView(""), range: { preset } };
      expect(parseView(formatView(view)).range).toEqual({ preset });
    }
  });

  test("nonsense in it falls back to the defaults", () => {
    const nonsense = "range=7y&from=x&to=9&bots=maybe&interval=second&series=joy&vital=%00&filter=&filter=:x&filter=nocolon";
    expect(parseView(nonsense)).toEqual(parseView(""));
  });

  test("a range from the end to the beginning is not taken", () => {
    expect(parseView("from=2000000&to=1000000").range).toEqual({ preset: "24h" });
  });
});

describe("filters", () => {
  test("a click adds, a second takes away", () => {
    const mobile = { dimension: "device", value: "mobile" };
    const once = toggleFilter([], mobile);
    expect(once).toEqual([mobile]);
    expect(toggleFilter(once, mobile)).toEqual([]);
  });

  test("a value may hold colons, doubles are dropped, and there is a limit", () => {
    expect(parseFilters(["page:/a:b", "page:/a:b"])).toEqual([{ dimension: "page", value: "/a:b" }]);
    expect(parseFilters(Array.from({ length: 99 }, (_, n) => `page:/${n}`))).toHaveLength(32);
  });

  test("go to the API with the range, and bots only when asked for", () => {
    const view = parseView("filter=page:/a&filter=device:mobile");
    expect(apiQuery(view, { from: 1, to: 2 }).toString()).toBe("from=1&to=2&filter=page%3A%2Fa&filter=device%3Amobile");
    expect(apiQuery({ ...view, bots: "only" }, { from: 1, to: 2 }).get("bots")).toBe("only");
  });
});

describe("ranges", () => {
  test("the last hour ends with the running minute", () => {
    const { from, to } = bounds({ preset: "1h" }, now);
    expect(to - from).toBe(HOUR);
    expect(to).toBe(new Date(2026, 2, 14, 9, 31).getTime());
  });

  test("today and yesterday are days of the viewer's zone", () => {
    const today = bounds({ preset: "today" }, now);
    const yesterday = bounds({ preset: "yesterday" }, now);
    expect(new Date(today.from).getHours()).toBe(0);
    expect(yesterday.to).toBe(today.from);
    expect(new Date(yesterday.from).getDate()).toBe(13);
  });

  test("what has ended gets no new data", () => {
    expect(isOpen({ preset: "24h" }, now)).toBe(true);
    expect(isOpen({ preset: "yesterday" }, now)).toBe(false);
  });

  test("one's own is put in order and into the limits", () => {
    expect(custom(90_000, 30_000)).toEqual({ from: 0, to: 120_000 });
    expect(custom(5, 5)).toEqual({ from: 0, to: MINUTE });
    const long = custom(0, 2 * RANGE_MAX_MS) as { from: number; to: number };
    expect(long.to - long.from).toBe(RANGE_MAX_MS);
  });

  test("a step back ends where the range began", () => {
    const { from } = bounds({ preset: "24h" }, now);
    const before = shifted({ preset: "24h" }, now, -1);
    expect(bounds(before, now).to).toBe(from);
  });
});

describe("paths", () => {
  test("lead to pages, names decoded", () => {
    expect(parseRoute("/")).toEqual({ page: "sites" });
    expect(parseRoute(sitePath("a b/ü"))).toEqual({ page: "site", site: "a b/ü" });
    expect(parseRoute("/streams/x")).toEqual({ page: "stream", stream: "x" });
    expect(["/nowhere", "/sites/a/b", "/sites/%E0%A4%A"].map((path) => parseRoute(path).page)).toEqual(["missing", "missing", "missing"]);
  });

  test("of the server are really loaded", () => {
    expect(["/demo-shop/", "/api/v1/openapi.json", "/metrics"].every(isServerPath)).toBe(true);
    expect(["/", "/sites/api", "/apis"].some(isServerPath)).toBe(false);
  });
});

test("values have names, also those that are missing", () => {
  expect(valueTitle("referrer", "")).toBe("Direct");
  expect(valueTitle("browser", "")).toBe("Unknown");
  expect(valueTitle("navigation", "back_forward")).toBe("Back or forward");
  expect(valueTitle("page", "/cart")).toBe("/cart");
  expect(plainWords("ai-crawler")).toBe("AI crawler");
  expect(issueTitle("something_new")).toBe("Something new");
});
