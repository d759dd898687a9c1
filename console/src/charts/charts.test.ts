import { expect, test } from "vitest";
import { histogramRows, shownGroups } from "./histogram";
import { sparkPath } from "./spark";
import { nearest, overlay } from "./timeline";

test("the period before lies under this one, point by point", () => {
  const points = [{ time: 100, sessions: 5 }, { time: 200, sessions: null }];
  expect(overlay(points, [{ time: 0, sessions: 4 }], "sessions")).toEqual([
    { time: 100, value: 5, previousTime: 0, previous: 4 },
    { time: 200, value: null, previousTime: null, previous: null },
  ]);
});

test("the pointer finds the nearest point", () => {
  const rows = [{ time: 100 }, { time: 200 }, { time: 300 }];
  expect(nearest(rows, 240)).toEqual({ time: 200 });
  expect(nearest([], 240)).toBeUndefined();
});

test("a spark line needs two values, bridges gaps and fits its box", () => {
  expect(sparkPath([5], 100, 30)).toBeUndefined();
  expect(sparkPath([null, 3, null], 100, 30)).toBeUndefined();
  expect(sparkPath([0, null, 10], 100, 30)?.line).toBe("M0 28.5L100 1.5");
  expect(sparkPath([0, 0], 100, 30)?.line).toBe("M0 28.5L100 28.5");
});

test("a histogram ends where nearly all lies, and says how much lies beyond", () => {
  const bar = (from: number, share: number) => ({ from, to: from + 100, share, count: share * 1_000 });
  const rows = histogramRows({
    range: { from: 0, to: 1 }, metric: "lcp", unit: "ms", width: 100,
    groups: [{ value: "A", samples: 1_000, p50: 150, p75: 180, p95: 190, bars: [bar(100, 0.99), bar(9_000, 0.01)] }],
  });
  expect(rows.end).toBe(200);
  expect(rows.beyond).toBeCloseTo(0.01);
  expect(rows.bars).toHaveLength(1);
  expect(rows.ticks.map(({ label }) => label)).toEqual(["p50 150 ms", "p75 180 ms", "p95 190 ms"]);
});

test("a group without a sample has no ticks", () => {
  const rows = histogramRows({
    range: { from: 0, to: 1 }, metric: "lcp", unit: "ms", width: 100,
    groups: [{ value: "A", samples: 0, p50: null, p75: null, p95: null, bars: [] }],
  });
  expect(rows).toEqual({ bars: [], ticks: [], end: 100, beyond: 0 });
});

test("named groups come first, in order, and no more than can be told apart", () => {
  const group = (value: string) => ({ value, samples: 1, p50: 1, p75: 1, p95: 1, bars: [] });
  const answer = { range: { from: 0, to: 1 }, metric: "lcp" as const, unit: "ms", width: 1, groups: ["", "C", "B", "A", "D"].map(group) };
  expect(shownGroups(answer).map(({ value }) => value)).toEqual(["A", "B", "C", "D"]);
  expect(shownGroups({ ...answer, groups: ["", "B"].map(group) }).map(({ value }) => value)).toEqual(["B", ""]);
});
