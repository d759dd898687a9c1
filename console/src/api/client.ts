/** Requests to the server's API. Errors carry what happened, a code, and what to do. */

/** Longest wait for an answer. */
const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
    readonly status: number,
  ) {
    super(message);
  }

  /** The server could not be reached at all. */
  get offline(): boolean {
    return this.status === 0;
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an error's body says, whatever it holds. */
export const readError = (status: number, body: unknown): ApiError => {
  const error = (body as { error?: { code?: unknown; message?: unknown; hint?: unknown } } | null)?.error;
  return new ApiError(
    text(error?.code) || `HTTP ${status}`,
    text(error?.message) || "The server could not answer.",
    text(error?.hint),
    status,
  );
};

export const request = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    const message = timeout.aborted ? "The server takes too long to answer." : "The server can’t be reached.";
    throw new ApiError("offline", message, "Is `tidemill serve` running? This page goes on as soon as it answers.", 0);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw readError(response.status, body);
  return body as T;
};

const send = <T>(method: string, path: string, body: unknown): Promise<T> =>
  request<T>(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

export const post = <T>(path: string, body: unknown): Promise<T> => send("POST", path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => send("PATCH", path, body);
export const remove = (path: string): Promise<unknown> => request(path, { method: "DELETE" });
