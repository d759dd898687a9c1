/** Names, units and ratings of the timers. Thresholds are those of web.dev/articles/vitals; the API sends them too. */
import { milliseconds } from "./time";

export type VitalName = "lcp" | "inp" | "cls" | "fcp" | "ttfb" | "load";
export type Rating = "good" | "needs-improvement" | "poor";

export const VITALS: readonly VitalName[] = ["lcp", "inp", "cls", "fcp", "ttfb", "load"];

export const vitalTitle: Record<VitalName, string> = {
  lcp: "Largest contentful paint",
  inp: "Interaction to next paint",
  cls: "Cumulative layout shift",
  fcp: "First contentful paint",
  ttfb: "Time to first byte",
  load: "Page load",
};

export const vitalShort: Record<VitalName, string> = {
  lcp: "LCP",
  inp: "INP",
  cls: "CLS",
  fcp: "FCP",
  ttfb: "TTFB",
  load: "Load",
};

export const isVital = (text: string | null): text is VitalName => VITALS.includes(text as VitalName);

/** A value with its unit; CLS is a score and has none. */
export const vitalValue = (metric: VitalName, value: number): string =>
  metric === "cls" ? value.toFixed(value < 0.1 ? 3 : 2) : milliseconds(value);

/** Up to and including the first threshold is good, above the second poor. */
export const rating = (value: number, thresholds: readonly number[]): Rating =>
  value <= (thresholds[0] ?? Infinity) ? "good" : value <= (thresholds[1] ?? Infinity) ? "needs-improvement" : "poor";

export const ratingWords: Record<Rating, string> = {
  good: "Good",
  "needs-improvement": "Needs improvement",
  poor: "Poor",
};

/** Largest contentful paint's, for tables that show its p75 alone. */
export const LCP_THRESHOLDS = [2_500, 4_000] as const;
