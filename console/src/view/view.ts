/** What a site's page shows, and how its address says so. Defaults are left out of the address. */
import { isVital, type VitalName } from "../format/vitals";
import { custom, DEFAULT_PRESET, isPreset, type Range } from "./range";

export interface Filter {
  dimension: string;
  value: string;
}

export type Bots = "exclude" | "include" | "only";
export type Interval = "auto" | "minute" | "hour" | "day";

/** What the chart over time can show. */
export const SERIES = ["impressions", "visitors", "sessions", "bounce_rate", "orders", "revenue_cents", "errors", "p75_lcp"] as const;
/** What it asks for: rates are computed from counts. */
export const SERIES_ASKED = ["impressions", "visitors", "sessions", "bounces", "orders", "revenue_cents", "errors", "p75_lcp"] as const;
export type Series = (typeof SERIES)[number];

export interface View {
  range: Range;
  filters: Filter[];
  bots: Bots;
  interval: Interval;
  compare: boolean;
  series: Series;
  vital: VitalName;
  /** The dimension shown by each card that offers several. */
  tabs: Record<string, string>;
  /** A dialog above the page: `settings`, `tag`, or `details.<dimension>`. */
  dialog: string;
}

export const FILTERS_MAX = 32;
/** Cards with tabs and what they offer; the site's own dimensions come to the last. */
export const TABS: Record<string, readonly string[]> = {
  pages: ["page", "navigation"],
  sources: ["referrer", "country"],
  devices: ["device", "os"],
  browsers: ["browser"],
};
export const DIMENSIONS = ["group", "device", "browser", "os", "country", "page", "referrer", "navigation"] as const;

const one = <T extends string>(text: string | null, of: readonly T[], otherwise: T): T =>
  of.includes(text as T) ? (text as T) : otherwise;

/** Reads any address; what it can't use it leaves at the default. */
export const parseView = (search: string | URLSearchParams): View => {
  const query = new URLSearchParams(search);
  const tabs: Record<string, string> = {};
  for (const [card, offered] of Object.entries(TABS)) tabs[card] = query.get(card) || offered[0]!;
  return {
    range: parseRange(query),
    filters: parseFilters(query.getAll("filter")),
    bots: one(query.get("bots"), ["exclude", "include", "only"], "exclude"),
    interval: one(query.get("interval"), ["auto", "minute", "hour", "day"], "auto"),
    compare: query.get("compare") !== "off",
    series: one(query.get("series"), SERIES, "impressions"),
    vital: isVital(query.get("vital")) ? (query.get("vital") as VitalName) : "lcp",
    tabs,
    dialog: query.get("dialog") ?? "",
  };
};

const parseRange = (query: URLSearchParams): Range => {
  const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
  if (query.has("from") && query.has("to") && Number.isSafeInteger(from) && Number.isSafeInteger(to) && from < to) {
    return custom(from, to);
  }
  const preset = query.get("range");
  return { preset: isPreset(preset) ? preset : DEFAULT_PRESET };
};

/** `dimension:value`; a value may hold colons, and may be empty. Doubles and nonsense are dropped. */
export const parseFilters = (texts: string[]): Filter[] => {
  const filters: Filter[] = [];
  for (const text of texts.slice(0, FILTERS_MAX)) {
    const colon = text.indexOf(":");
    const filter = { dimension: text.slice(0, colon), value: text.slice(colon + 1) };
    if (colon > 0 && !hasFilter(filters, filter)) filters.push(filter);
  }
  return filters;
};

/** The address's part behind `?`. */
export const formatView = (view: View): string => {
  const query = new URLSearchParams();
  if ("from" in view.range) {
    query.set("from", String(view.range.from));
    query.set("to", String(view.range.to));
  } else if (view.range.preset !== DEFAULT_PRESET) query.set("range", view.range.preset);
  for (const filter of view.filters) query.append("filter", formatFilter(filter));
  if (view.bots !== "exclude") query.set("bots", view.bots);
  if (view.interval !== "auto") query.set("interval", view.interval);
  if (!view.compare) query.set("compare", "off");
  if (view.series !== "impressions") query.set("series", view.series);
  if (view.vital !== "lcp") query.set("vital", view.vital);
  for (const [card, offered] of Object.entries(TABS)) {
    const tab = view.tabs[card];
    if (tab && tab !== offered[0]) query.set(card, tab);
  }
  if (view.dialog) query.set("dialog", view.dialog);
  return query.toString();
};

export const formatFilter = ({ dimension, value }: Filter): string => `${dimension}:${value}`;

export const hasFilter = (filters: readonly Filter[], { dimension, value }: Filter): boolean =>
  filters.some((filter) => filter.dimension === dimension && filter.value === value);

/** A click on a row: the filter comes, or goes if it was there. */
export const toggleFilter = (filters: readonly Filter[], filter: Filter): Filter[] =>
  hasFilter(filters, filter)
    ? filters.filter((other) => formatFilter(other) !== formatFilter(filter))
    : [...filters, filter].slice(-FILTERS_MAX);

/** The parameters that every query of the page shares. */
export const apiQuery = (view: View, { from, to }: { from: number; to: number }): URLSearchParams => {
  const query = new URLSearchParams({ from: String(from), to: String(to) });
  for (const filter of view.filters) query.append("filter", formatFilter(filter));
  if (view.bots !== "exclude") query.set("bots", view.bots);
  return query;
};
