/**
 * The tracker: measures each page impression and tells the server by beacons.
 *
 *     nav ──▶ load ──▶ vitals … ──▶ vitals when hidden, x when left
 *             └ event, error, order at any time
 */
import { onCLS, onFCP, onINP, onLCP, type MetricType } from "web-vitals";
import { assignGroup } from "./group";
import { Impression, shared } from "./impression";
import { silent } from "./settings";

/** Timers are also sent this long after the load: of many visits no last beacon arrives. */
const EARLY_VITALS_MS = 5_000;
const ERRORS_MAX = 10;
/** A view of the timeline that TypeScript does not know yet. */
type Navigation = PerformanceNavigationTiming & { activationStart?: number };

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const navigation = performance.getEntriesByType("navigation")[0] as Navigation | undefined;

/** The impression that is seen now, the one of the last load of the document, and those of soft navigations by address. */
let current: Impression;
let loaded: Impression;
const soft = new Map<string, Impression>();
let errors = 0;

/** A web vital belongs to the navigation that it was measured for, which may be over by now. */
const onMetric = (metric: MetricType): void => {
  const owner =
    metric.navigationType === "soft-navigation" ? soft.get((metric.navigationURL || "").split("#")[0]!) : loaded;
  owner?._measure({ [metric.name.toLowerCase()]: round(metric.value, metric.name === "CLS" ? 4 : 1) });
};

const view = (referrer: string, type: string): Impression => (current = new Impression(referrer, type));

const flush = (leaving?: boolean): void => {
  for (const impression of new Set([loaded, ...soft.values(), current])) {
    if (impression._changed || (leaving && impression === current)) impression._send("vitals", { x: leaving });
  }
};

const sinceStart = (time: number): number => round(Math.max(time - (navigation?.activationStart || 0), 0), 1);

const onLoad = (): void => {
  // After the event: its own end is a timer too.
  setTimeout(() => {
    if (navigation) {
      loaded._measure({ load: sinceStart(navigation.loadEventEnd), dcl: sinceStart(navigation.domContentLoadedEventEnd) });
    }
    loaded._send("load");
    setTimeout(flush, EARLY_VITALS_MS);
  });
};

/** Routers change the address without a load: a new path is a new impression, a new query or fragment is not. */
const onRoute = (): void => {
  if (new URL(current._url).pathname === location.pathname) return;
  flush(true);
  view(current._url, "soft")._send("nav");
  soft.delete(current._url);
  soft.set(current._url, current);
  if (soft.size > 8) soft.delete(soft.keys().next().value!);
};

const onError = (message: unknown, source?: string): void => {
  if (errors++ < ERRORS_MAX) current._send("error", { err: { msg: String(message).slice(0, 256), src: source } });
};

const event = (name: string, options?: { interactive?: boolean }): void =>
  current._send("event", { e: { name: String(name).slice(0, 64), interactive: options?.interactive !== false } });

interface Order {
  id: string | number;
  value_cents: number;
  currency?: string;
}

const commands: Record<string, (...args: any[]) => unknown> = {
  event,
  order: ({ id, value_cents, currency }: Order) =>
    current._send("order", { o: { id: String(id), value_cents: Math.round(value_cents), currency } }),
  error: (error: unknown, source?: string) => onError((error as Error)?.message || error, source),
  dimensions: (values: Record<string, string>) => {
    shared._dimensions = { ...shared._dimensions, ...values };
  },
  group: (choice: string | Record<string, number>, options?: { seed?: string; then?: (group?: string) => void }) => {
    const group = typeof choice === "string" ? choice : assignGroup(choice, options?.seed);
    shared._group = group;
    options?.then?.(group);
    return group;
  },
};

const run = (name: string, ...args: unknown[]): unknown => commands[name]?.(...args);

const start = (): void => {
  loaded = view(document.referrer, navigation?.activationStart ? "prerender" : navigation?.type || "navigate");
  if (navigation) loaded._measure({ ttfb: sinceStart(navigation.responseStart) });
  // What the page said before: first `dimensions` and `group`, which belong to all beacons.
  for (const describes of [true, false]) {
    for (const call of page.tidemill?.q || []) {
      if (/^[dg]/.test(call[0] as string) === describes) run(...(call as unknown as [string]));
    }
  }
  page.tidemill = run;
  loaded._send("nav");
  for (const observe of [onFCP, onLCP, onCLS, onINP] as ((report: typeof onMetric, options: object) => void)[]) {
    observe(onMetric, { reportAllChanges: true, reportSoftNavs: true });
  }

  if (document.readyState === "complete") onLoad();
  else addEventListener("load", onLoad);

  // Hidden may be the last that is heard of a phone, `pagehide` the last of Safari.
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  addEventListener("pagehide", () => flush(true));
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    loaded = view(document.referrer, "back_forward");
    loaded._send("nav");
  });
  addEventListener("error", (event) => event.message && onError(event.message, event.filename + ":" + event.lineno));
  addEventListener("unhandledrejection", (event) => onError(event.reason?.message || event.reason));
  addEventListener(
    "click",
    (click) => {
      const element = (click.target as Element).closest?.<HTMLElement>("[data-tidemill-event]");
      if (element) event(element.dataset.tidemillEvent!);
    },
    true,
  );
  const pushState = history.pushState;
  history.pushState = function (...args) {
    pushState.apply(this, args);
    onRoute();
  };
  addEventListener("popstate", onRoute);
};

// Until this script ran `tidemill` was a queue, or nothing. Of a second script tag only the first counts.
const page = window as unknown as { tidemill?: ((...args: any[]) => unknown) & { q?: ArrayLike<unknown>[] } };
if (silent) page.tidemill = () => {};
else if (!page.tidemill || page.tidemill.q) {
  // A page that is rendered in advance may never be seen.
  if ((document as { prerendering?: boolean }).prerendering) addEventListener("prerenderingchange", start, { once: true });
  else start();
}
