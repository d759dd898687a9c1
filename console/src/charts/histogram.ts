/** Histograms of the A/B groups over each other: bars of equal width, quantiles as ticks above. */
import type { Histogram, HistogramGroup } from "../api/types";
import { vitalValue } from "../format/vitals";
import type { Colours } from "./colours";
import type { Spec } from "./vega";

/** Groups that are drawn; more would hide each other. */
export const GROUPS_MAX = 4;

export const QUANTILES = ["p50", "p75", "p95"] as const;

/** The groups that are shown: those with a name first, so that each keeps its colour. */
export const shownGroups = (answer: Histogram): HistogramGroup[] =>
  answer.groups.toSorted((a, b) => Number(!a.value) - Number(!b.value) || (a.value < b.value ? -1 : 1)).slice(0, GROUPS_MAX);

/** Pixels from the top: each group has its own line of labels above the bars, so that equal quantiles don't hide each other. */
const rowOf = (at: number): number => 8 + at * 16;

/** The rows for drawing, up to where nearly all lies; `beyond` is the largest share of a group that lies further out. */
export const histogramRows = (answer: Histogram) => {
  const groups = shownGroups(answer);
  const far = Math.max(...groups.map(({ p95 }) => p95 ?? 0), 0) * 1.5;
  const bars = groups.flatMap(({ value, bars }, at) => bars.map((bar) => ({ group: value, at, ...bar })));
  const end = Math.max(...bars.filter(({ from, count }) => from <= far && count > 0).map(({ to }) => to), answer.width);
  const shown = bars.filter(({ to, count }) => to <= end && count > 0);
  const beyond = Math.max(
    0,
    ...groups.map((_, at) => bars.filter((bar) => bar.at === at && bar.to > end).reduce((sum, { share }) => sum + share, 0)),
  );
  const ticks = groups.flatMap((group, at) =>
    QUANTILES.flatMap((name) => {
      const value = group[name];
      return value === null || value === undefined || value > end
        ? []
        : [{ group: group.value, at, row: rowOf(at), name, value, label: `${name} ${vitalValue(answer.metric, value)}` }];
    }),
  );
  return { bars: shown, ticks, end, beyond };
};

export const histogramSpec =
  (metric: string, end: number, groups: number) =>
  (colours: Colours, width: number): Spec => {
    const colour = {
      field: "at",
      type: "ordinal",
      legend: null,
      scale: { domain: [0, 1, 2, 3], range: [colours.groupA, colours.groupB, colours.human, colours.bot] },
    };
    const x = {
      type: "quantitative",
      title: null,
      scale: { domain: [0, end], nice: false },
      axis: {
        tickCount: Math.max(Math.floor(width / 100), 3),
        labelExpr:
          metric === "cls"
            ? "format(datum.value, '.2~f')"
            : "datum.value < 1000 ? datum.value + ' ms' : format(datum.value / 1000, '.2~f') + ' s'",
      },
    };
    const row = { field: "row", type: "quantitative", scale: null, axis: null };
    return {
      layer: [
        {
          data: { name: "bars" },
          mark: { type: "bar", opacity: 0.5, binSpacing: 1, clip: true, cornerRadiusEnd: 1 },
          encoding: {
            x: { ...x, field: "from", bin: { binned: true } },
            x2: { field: "to" },
            y: {
              field: "share",
              type: "quantitative",
              stack: null,
              title: null,
              scale: { zero: true, nice: true, range: [{ expr: "height" }, rowOf(groups) + 4] },
              axis: { format: ".2~%", tickCount: 4 },
            },
            color: colour,
          },
        },
        {
          data: { name: "ticks" },
          mark: { type: "rule", strokeWidth: 1.5, strokeDash: [3, 3], opacity: 0.9 },
          encoding: { x: { ...x, field: "value" }, color: colour, y: row, y2: { value: "height" } },
        },
        ...(width < 560
          ? []
          : [
              {
                data: { name: "ticks" },
                mark: { type: "text", align: "left", dx: 4, baseline: "middle", fontSize: 12, fontWeight: 600 },
                encoding: { x: { ...x, field: "value" }, text: { field: "label" }, color: colour, y: row },
              },
            ]),
      ],
    } as unknown as Spec;
  };
