/** A figure over time, with the period before it dashed. */
import type { Point } from "../api/types";
import type { Colours } from "./colours";
import type { Spec } from "./vega";

export interface Row {
  time: number;
  value: number | null;
  previousTime: number | null;
  previous: number | null;
}

/** The two periods laid over each other: the n-th point of one beside the n-th of the other. */
export const overlay = (points: readonly Point[], previous: readonly Point[], metric: string): Row[] =>
  points.map((point, at) => ({
    time: point.time,
    value: point[metric] ?? null,
    previousTime: previous[at]?.time ?? null,
    previous: previous[at]?.[metric] ?? null,
  }));

/** The row nearest to a moment. */
export const nearest = <T extends { time: number }>(rows: readonly T[], time: number): T | undefined => {
  let best: T | undefined;
  for (const row of rows) if (!best || Math.abs(row.time - time) < Math.abs(best.time - time)) best = row;
  return best;
};

/** How long an interval of the API is. */
export const intervalMs = (interval: string): number =>
  ({ minute: 60_000, hour: 3_600_000, day: 86_400_000 })[interval] ?? 60_000;

/** Labels of the value axis. */
const LABELS = {
  count: "format(datum.value, '~s')",
  money: "format(datum.value, '~s')",
  ms: "datum.value < 1000 ? datum.value + ' ms' : format(datum.value / 1000, '.2~f') + ' s'",
  percent: "format(datum.value, '.0~%')",
};

/** Its signals `from` and `to` are the range; its rows are named `rows`. */
export const timelineSpec =
  (compare: boolean, unit: keyof typeof LABELS) =>
  (colours: Colours, width: number): Spec => {
    const x = {
      field: "time",
      type: "temporal",
      title: null,
      scale: { domainMin: { expr: "from" }, domainMax: { expr: "to" }, nice: false },
      axis: { tickCount: Math.max(Math.floor(width / 110), 3), labelOverlap: "greedy" },
    };
    const y = (field: string) => ({
      field,
      type: "quantitative",
      title: null,
      scale: { zero: true, nice: 4 },
      axis: { tickCount: 4, labelExpr: LABELS[unit], ...(unit === "count" && { tickMinStep: 1 }) },
    });
    const line = { type: "line", interpolate: "monotone", clip: true, strokeWidth: 2, color: colours.accent };
    return {
      params: [
        { name: "from", value: 0 },
        { name: "to", value: 1 },
      ],
      data: { name: "rows" },
      encoding: { x },
      layer: [
        {
          mark: { type: "area", interpolate: "monotone", clip: true, color: colours.accent, opacity: 0.09 },
          encoding: { y: y("value") },
        },
        ...(compare
          ? [
              {
                mark: { ...line, strokeWidth: 1.5, strokeDash: [4, 4], color: colours.faint },
                encoding: { y: y("previous") },
              },
            ]
          : []),
        { mark: line, encoding: { y: y("value") } },
      ],
    } as Spec;
  };

