/** One answer that a component shows: what came last, whether newer is on its way, and what went wrong. */
import { ApiError, request } from "./client";

export class Resource<T> {
  /** The last answer; kept while a newer one is awaited or failed, so that a page never falls back to nothing. */
  data = $state.raw<T>();
  error = $state.raw<ApiError>();
  /** The answer shown is to another question than the one asked now. */
  outdated = $state(false);
  /** When the last answer came. */
  at = $state(0);
  /** Where it was asked, for `curl`. */
  path = $state("");

  #question = "";
  #request?: AbortController;

  /** Asks. `question` tells when it is a new one rather than the same a little later. */
  async load(path: string, question: string): Promise<void> {
    this.#request?.abort();
    const request_ = (this.#request = new AbortController());
    if (question !== this.#question) {
      this.outdated = this.data !== undefined;
      this.#question = question;
    }
    try {
      const data = await request<T>(path, { signal: request_.signal });
      if (request_.signal.aborted) return;
      this.data = data;
      this.path = path;
      this.at = Date.now();
      this.error = undefined;
      this.outdated = false;
    } catch (error) {
      if (request_.signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError("console", String(error), "", 0);
    }
  }

  stop(): void {
    this.#request?.abort();
  }
}
