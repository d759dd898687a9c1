/** A page impression and its beacons. The wire format is described in docs/web-analytics/beacons.md. */
import { currentSession, randomId, touchSession, visitor } from "./identity";
import { endpoint, group } from "./settings";

/** A page that runs wild must not flood the server. */
const BEACONS_MAX = 500;

/** What all impressions of this document share. */
export const shared: { _group?: string; _dimensions?: Record<string, string> } = { _group: group };

export class Impression {
  /** The page without its fragment. */
  readonly _url = location.href.split("#")[0]!;
  /** Timers that no beacon has told yet. */
  _changed = false;
  private _timers: Record<string, number> = {};
  private _id = randomId();
  // Fixed for the impression: an impression that outlives the idle time still belongs to where it began.
  private _session = currentSession();
  private _next = 0;

  constructor(
    private _referrer: string,
    private _navigation: string,
  ) {}

  /** Notes timers in ms (`cls`: a score) for the next beacon that carries them. */
  _measure(timers: Record<string, number>): void {
    Object.assign(this._timers, timers);
    this._changed = true;
  }

  /**
   * Static fields go with every beacon, so that none is lost with the first; so do all timers known, as the server takes
   * the highest beacon number's. Undefined ones are left out.
   */
  _send(type: string, more?: object): void {
    if (this._next >= BEACONS_MAX) return;
    this._changed = false;
    touchSession(this._session);
    const body = JSON.stringify({
      v: 1,
      s: this._session,
      p: this._id,
      u: visitor,
      n: this._next++,
      t: type,
      ts: Date.now(),
      url: this._url.slice(0, 2048),
      ref: this._referrer.slice(0, 2048),
      nt: this._navigation,
      g: shared._group,
      d: shared._dimensions,
      vw: innerWidth,
      vh: innerHeight,
      ct: (navigator as { connection?: { effectiveType?: string } }).connection?.effectiveType,
      m: this._timers,
      ...more,
    });
    // Text makes a simple request: no preflight, and it outlives the page.
    if (!navigator.sendBeacon?.(endpoint, body)) {
      fetch(endpoint, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(() => {});
    }
  }
}
