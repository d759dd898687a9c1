/** The state of a site's page: what is shown, the data, the live feed, and how they follow each other. */
import { getContext, setContext } from "svelte";
import type { Site } from "../api/types";
import { Feed } from "../live/feed.svelte";
import { siteNames } from "../sites/names.svelte";
import { address, navigate } from "../view/location.svelte";
import { isOpen } from "../view/range";
import { sitePath } from "../view/route";
import { formatView, parseView, toggleFilter, type Filter, type View } from "../view/view";
import { SiteData } from "./site-data.svelte";

/** New figures at most so often while beacons come in, and the rest of the page less often: it costs more. */
const NUMBERS_MS = 1_000;
const PANELS_MS = 5_000;

export class SitePageState {
  readonly data: SiteData;
  readonly feed: Feed;
  /** The viewer may hold the page still. */
  live = $state(true);
  /** The moment that all charts on the page point at. */
  cursor = $state<number>();
  readonly view: View = $derived(parseView(address.search));

  #numbers = new Pace(NUMBERS_MS, () => this.data.loadNumbers(this.view));
  #panels = new Pace(PANELS_MS, () => this.data.loadPanels(this.view));

  constructor(readonly site: string) {
    this.data = new SiteData(site);
    this.feed = new Feed(
      () => this.tick(),
      () => this.reload(),
    );
  }

  get settings(): Site | undefined {
    return siteNames.find(this.site);
  }

  /** Changes what is shown, and the address with it. */
  show(changes: Partial<View>, replace = false): void {
    const query = formatView({ ...this.view, ...changes });
    navigate(sitePath(this.site) + (query ? `?${query}` : ""), replace);
  }

  toggle(filter: Filter): void {
    this.show({ filters: toggleFilter(this.view.filters, filter) });
  }

  /** Seen again after it was hidden. */
  resume(): void {
    this.feed.open(this.site);
    this.tick();
  }

  /** Asks again if the page moves with the time. */
  tick(): void {
    if (!this.live || document.visibilityState === "hidden" || !isOpen(this.view.range, Date.now())) return;
    this.#numbers.soon();
    this.#panels.soon();
  }

  /** Asks for all of it again, at once. */
  reload(): void {
    this.#numbers.now();
    this.#panels.now();
  }

  stop(): void {
    this.feed.close();
    this.#numbers.stop();
    this.#panels.stop();
    this.data.stop();
  }
}

/** Runs something at most once in a while, and never twice at a time; what comes in between is done afterwards. */
class Pace {
  #timer?: ReturnType<typeof setTimeout>;
  #last = 0;
  #running = false;
  #again = false;
  #stopped = false;

  constructor(
    readonly pauseMs: number,
    readonly work: () => Promise<unknown>,
  ) {}

  now(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#last = Date.now();
    this.#running = true;
    void this.work().finally(() => {
      this.#running = false;
      if (this.#again) this.soon();
    });
  }

  soon(): void {
    if (this.#timer || this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#timer = setTimeout(() => this.now(), Math.max(this.#last + this.pauseMs - Date.now(), 0));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

const KEY = Symbol("site page");
export const providePage = (page: SitePageState): SitePageState => setContext(KEY, page);
export const usePage = (): SitePageState => getContext(KEY);
