/**
 * Vega-Lite, loaded when the first chart is needed. Expressions are interpreted rather than compiled, so that the page
 * can forbid `eval`.
 */
import { Error as ErrorLevel, parse, View } from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Colours } from "./colours";

export type { View };
export type Spec = Partial<TopLevelSpec> & Record<string, unknown>;

const config = (colours: Colours) => ({
  font: "Inter, ui-sans-serif, system-ui, sans-serif",
  background: "transparent",
  view: { stroke: null },
  axis: {
    labelColor: colours.soft,
    labelFontSize: 12,
    titleColor: colours.soft,
    titleFontWeight: 500,
    titleFontSize: 12,
    domain: false,
    ticks: false,
    labelPadding: 8,
    gridColor: colours.line,
  },
  axisX: { grid: false, domain: true, domainColor: colours.line, labelFlush: true },
});

/** Draws a chart into an element. Newer rows come by `view.data`. */
export const draw = async (
  spec: Spec,
  rows: Record<string, object[]>,
  signals: Record<string, unknown>,
  element: HTMLElement,
  width: number,
  height: number,
  colours: Colours,
) => {
  const full = {
    ...spec,
    width,
    height,
    padding: 0,
    autosize: { type: "fit", contains: "padding" },
    config: config(colours),
  } as unknown as TopLevelSpec;
  const compiled = compile(full).spec;
  const view = new View(parse(compiled, undefined, { ast: true }), {
    renderer: "svg",
    container: element,
    hover: false,
    logLevel: ErrorLevel,
    expr: expressionInterpreter,
  } as ConstructorParameters<typeof View>[1]);
  view.tooltip(() => {});
  fill(view, rows, signals);
  await view.runAsync();
  return view;
};

/** Vega marks the rows that it is given: they must be its own. */
export const fill = (view: View, rows: Record<string, object[]>, signals: Record<string, unknown>): void => {
  for (const [name, value] of Object.entries(signals)) view.signal(name, value);
  for (const [name, set] of Object.entries(rows)) view.data(name, set.map((row) => ({ ...row })));
};
