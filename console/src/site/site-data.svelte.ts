/** Everything that a site's page asks of the server. */
import { Resource } from "../api/resource.svelte";
import { siteApi } from "../api/sites";
import type { Breakdown, Histogram, Overview, Quality, Realtime, Timeseries, Vitals } from "../api/types";
import { bounds } from "../view/range";
import { apiQuery, SERIES_ASKED, type View } from "../view/view";

/** Rows that a card shows. */
const ROWS = 8;

export class SiteData {
  overview = new Resource<Overview>();
  timeseries = new Resource<Timeseries>();
  realtime = new Resource<Realtime>();
  vitals = new Resource<Vitals>();
  histogram = new Resource<Histogram>();
  quality = new Resource<Quality>();
  breakdowns: Record<string, Resource<Breakdown>> = {};

  constructor(readonly site: string) {}

  /** The breakdown of a card, made when first asked for. */
  breakdown(card: string): Resource<Breakdown> {
    return (this.breakdowns[card] ??= new Resource<Breakdown>());
  }

  path(endpoint: string, view: View, more: Record<string, string> = {}): string {
    const query = apiQuery(view, bounds(view.range, Date.now()));
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return `${siteApi(this.site)}/${endpoint}?${query}`;
  }

  /** What the question is, apart from the moment that "now" is. */
  #question(view: View, extra = ""): string {
    return JSON.stringify([this.site, view.range, view.filters, view.bots, extra]);
  }

  /** The figures and the chart over time: what changes with every beacon. */
  loadNumbers(view: View): Promise<unknown> {
    const series = { metrics: SERIES_ASKED.join(), interval: view.interval };
    return Promise.all([
      this.overview.load(this.path("overview", view), this.#question(view)),
      this.timeseries.load(this.path("timeseries", view, series), this.#question(view, view.interval)),
      this.realtime.load(`${siteApi(this.site)}/realtime`, this.site),
    ]);
  }

  loadHistogram(view: View): Promise<void> {
    const more = { metric: view.vital, by: "group" };
    return this.histogram.load(this.path("histogram", view, more), this.#question(view, view.vital));
  }

  loadBreakdown(view: View, card: string, dimension: string): Promise<void> {
    const more = { dimension, limit: String(ROWS) };
    return this.breakdown(card).load(this.path("breakdown", view, more), this.#question(view, dimension));
  }

  /** The rest of the page. */
  loadPanels(view: View): Promise<unknown> {
    return Promise.all([
      this.vitals.load(this.path("vitals", view), this.#question(view)),
      this.loadHistogram(view),
      ...Object.entries(view.tabs).map(([card, dimension]) => this.loadBreakdown(view, card, dimension)),
      this.quality.load(this.path("quality", view), this.#question(view)),
    ]);
  }

  stop(): void {
    const all: Resource<unknown>[] = [this.overview, this.timeseries, this.realtime, this.vitals, this.histogram, this.quality];
    for (const resource of [...all, ...Object.values(this.breakdowns)]) resource.stop();
  }
}
