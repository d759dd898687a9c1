/** News of a site by server-sent events, and how old the newest data is. */
import { siteApi } from "../api/sites";
import type { Update } from "../api/types";

const RETRY_MS = 2_000;

export class Feed {
  state = $state<"connecting" | "live" | "lost">("connecting");
  update = $state.raw<Update>();
  /** When the server last said something, by this browser's clock. */
  at = $state(0);

  #source?: EventSource;
  #retry?: ReturnType<typeof setTimeout>;
  #onUpdate: () => void;
  #onReturn: () => void;

  /** `onUpdate`: results have changed. `onReturn`: the server answers again after it was lost. */
  constructor(onUpdate: () => void, onReturn: () => void) {
    this.#onUpdate = onUpdate;
    this.#onReturn = onReturn;
  }

  open(site: string): void {
    this.close();
    const source = (this.#source = new EventSource(`${siteApi(site)}/events`));
    source.onopen = () => {
      const lost = this.state === "lost";
      this.state = "live";
      this.at = Date.now();
      if (lost) this.#onReturn();
    };
    source.addEventListener("update", (event) => {
      try {
        this.update = JSON.parse(event.data) as Update;
      } catch {
        return;
      }
      this.at = Date.now();
      this.state = "live";
      this.#onUpdate();
    });
    // The browser reconnects by itself while the server closes the stream, but gives up on a refusal.
    source.onerror = () => {
      this.state = "lost";
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        if (this.#source === source && this.state === "lost") this.open(site);
      }, RETRY_MS);
    };
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }
}

/** How far the shown numbers are behind now: the lag that the server measured and, once it is lost, the time since. */
export const behind = (feed: Pick<Feed, "update" | "at" | "state">, lag: number, now: number): number =>
  feed.state === "lost" && feed.at ? lag + Math.max(now - feed.at, 0) : lag;
