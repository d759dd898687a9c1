/** Issues and bots over time: slate and amber, the one whole and the other dashed. */
import type { Colours } from "./colours";
import type { Spec } from "./vega";

/** Its signals `from` and `to` are the range; its rows are named `rows`. */
export const qualitySpec =
  () =>
  (colours: Colours, width: number): Spec => {
    const line = (field: string, color: string, strokeDash: number[]) => ({
      mark: { type: "line", interpolate: "monotone", clip: true, strokeWidth: 1.75, color, strokeDash },
      encoding: {
        y: {
          field,
          type: "quantitative",
          title: null,
          scale: { zero: true, nice: 2 },
          axis: { tickCount: 2, labelExpr: "format(datum.value, '~s')", tickMinStep: 1 },
        },
      },
    });
    return {
      params: [
        { name: "from", value: 0 },
        { name: "to", value: 1 },
      ],
      data: { name: "rows" },
      encoding: {
        x: {
          field: "time",
          type: "temporal",
          title: null,
          scale: { domainMin: { expr: "from" }, domainMax: { expr: "to" }, nice: false },
          axis: { tickCount: Math.max(Math.floor(width / 110), 3), labelOverlap: "greedy" },
        },
      },
      layer: [line("issues", colours.human, [1, 0]), line("bots", colours.bot, [5, 3])],
    } as Spec;
  };
