/** Streams over HTTP. */
import { readError, request } from "../api/client";

export interface StreamSummary {
  name: string;
  open_shards: number;
  records: number;
  bytes: number;
  retention_hours: number;
}

export interface Shard {
  shard: string | number;
  state: string;
  parents?: (string | number)[];
  first_hash_key?: string;
  last_hash_key?: string;
  records: number;
  bytes: number;
}

export interface StreamDescription extends StreamSummary {
  shards: Shard[];
}

export interface StreamRecord {
  shard?: string | number;
  sequence_number?: string | number;
  data?: unknown;
  data_base64?: string;
  partition_key?: string;
}

export const streamsPath = "/api/v1/streams";
export const streamApi = (name: string): string => `${streamsPath}/${encodeURIComponent(name)}`;

/** Reads lines as they come: a network piece may end within one. */
export class LineBuffer {
  #rest = "";

  push(piece: string): string[] {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line.trim());
  }
}

/** Follows a stream until the signal ends it. */
export const tail = async (
  name: string,
  from: "latest" | "oldest",
  onRecords: (records: StreamRecord[]) => void,
  signal: AbortSignal,
): Promise<void> => {
  const response = await fetch(`${streamApi(name)}/records?from=${from}&follow=true`, { signal });
  if (!response.ok || !response.body) throw readError(response.status, await response.json().catch(() => null));
  const buffer = new LineBuffer();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = buffer.push(value);
    if (lines.length) onRecords(lines.map((line) => JSON.parse(line) as StreamRecord));
  }
};

/** What a record holds, as text. */
export const recordText = ({ data, data_base64 }: StreamRecord): string =>
  data === undefined ? (data_base64 ?? "") : typeof data === "string" ? data : JSON.stringify(data);

export const listStreams = async (): Promise<StreamSummary[]> =>
  (await request<{ streams: StreamSummary[] }>(streamsPath)).streams;
