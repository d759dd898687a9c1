/** Ranges of time: a preset that moves with the clock, or two moments that stay. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The API's limit. */
export const RANGE_MAX_MS = 400 * DAY;

export type Preset = "1h" | "24h" | "today" | "yesterday" | "7d" | "30d" | "90d" | "12mo";
export type Range = { preset: Preset } | { from: number; to: number };

export const PRESETS: readonly { preset: Preset; label: string; key: string }[] = [
  { preset: "1h", label: "Last hour", key: "1" },
  { preset: "24h", label: "Last 24 hours", key: "2" },
  { preset: "today", label: "Today", key: "3" },
  { preset: "yesterday", label: "Yesterday", key: "4" },
  { preset: "7d", label: "Last 7 days", key: "5" },
  { preset: "30d", label: "Last 30 days", key: "6" },
  { preset: "90d", label: "Last 90 days", key: "7" },
  { preset: "12mo", label: "Last 12 months", key: "8" },
];

export const DEFAULT_PRESET: Preset = "24h";

export const isPreset = (text: string | null): text is Preset => PRESETS.some(({ preset }) => preset === text);

const midnight = (now: number, daysBack: number): number => {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysBack).getTime();
};

/** Lengths of the presets that end now. */
const LENGTHS: Partial<Record<Preset, number>> = {
  "1h": HOUR,
  "24h": DAY,
  "7d": 7 * DAY,
  "30d": 30 * DAY,
  "90d": 90 * DAY,
  "12mo": 365 * DAY,
};

/** The two moments, the second exclusive. What ends now ends with the running minute; long ones start at a full hour. */
export const bounds = (range: Range, now: number): { from: number; to: number } => {
  if ("from" in range) return { from: range.from, to: range.to };
  const end = (Math.floor(now / MINUTE) + 1) * MINUTE;
  if (range.preset === "today") return { from: midnight(now, 0), to: end };
  if (range.preset === "yesterday") return { from: midnight(now, 1), to: midnight(now, 0) };
  const length = LENGTHS[range.preset] ?? DAY;
  const from = end - length;
  return { from: length > DAY ? Math.floor(from / HOUR) * HOUR : from, to: end };
};

/** Does new data still come into the range? */
export const isOpen = (range: Range, now: number): boolean => bounds(range, now).to > now;

/** A custom range put into the limits: ordered, at least a minute, at most what the API takes. */
export const custom = (a: number, b: number): Range => {
  const [from, to] = a < b ? [a, b] : [b, a];
  const start = Math.floor(from / MINUTE) * MINUTE;
  const end = Math.max(Math.ceil(to / MINUTE) * MINUTE, start + MINUTE);
  return { from: Math.max(start, end - RANGE_MAX_MS), to: end };
};

/** The same range, one length earlier or later. */
export const shifted = (range: Range, now: number, steps: number): Range => {
  const { from, to } = bounds(range, now);
  return { from: from + steps * (to - from), to: to + steps * (to - from) };
};
