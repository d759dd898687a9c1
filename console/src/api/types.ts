/** The answers of the query API, as docs/web-analytics/query-api.md describes them. Times are Unix ms, money is cents. */
import type { VitalName } from "../format/vitals";

export interface Counts {
  impressions: number;
  sessions: number;
  visitors: number;
  bounces: number;
  bounce_rate: number;
  session_impressions: number;
  session_seconds: number;
  orders: number;
  revenue_cents: number;
  errors: number;
  events: number;
  beacons: number;
  bots: number;
  issues: number;
  quarantined: number;
}

/** What every answer of a site carries. */
export interface Answer {
  range: { from: number; to: number };
  /** A tier no longer holds what lies before this moment. */
  partial?: { before: number; reason: string };
}

export interface Overview extends Answer {
  current: Counts;
  previous: Counts;
}

export interface Point {
  time: number;
  [metric: string]: number | null;
}

export interface Timeseries extends Answer {
  interval: "minute" | "hour" | "day" | string;
  points: Point[];
  previous: Point[];
}

export interface Vital {
  metric: VitalName;
  unit: string;
  samples: number;
  p50: number | null;
  p75: number | null;
  p95: number | null;
  good: number;
  needs_improvement: number;
  poor: number;
  thresholds: number[];
  previous_p75: number | null;
  spark: (number | null)[];
}

export interface Vitals extends Answer {
  metrics: Vital[];
}

export interface HistogramGroup {
  value: string;
  samples: number;
  p50: number | null;
  p75: number | null;
  p95: number | null;
  bars: { from: number; to: number; count: number; share: number }[];
}

export interface Histogram extends Answer {
  metric: VitalName;
  unit: string;
  width: number;
  groups: HistogramGroup[];
}

export interface BreakdownRow {
  value: string;
  impressions: number;
  share: number;
  sessions: number;
  bounce_rate: number;
  orders: number;
  revenue_cents: number;
  p75_lcp: number | null;
}

export interface Breakdown extends Answer {
  dimension: string;
  rows: BreakdownRow[];
  other?: Partial<BreakdownRow> | null;
}

export interface Quality extends Answer {
  beacons: number;
  impressions: number;
  issues: { issue: string; count: number; share: number }[];
  bots: { kind: string; impressions: number }[];
  quarantine: { reason: string; count: number }[];
  series: { time: number; issues: number; bots: number }[];
}

export interface Realtime {
  visitors: number;
  impressions_per_minute: number[];
  pages: { value: string; visitors: number }[];
  lag_ms: number;
  behind_beacons: number;
}

/** One server-sent event. */
export interface Update {
  version: number;
  time: number;
  lag_ms: number;
  behind_beacons: number;
  visitors: number;
}

export interface Retention {
  minute_days: number;
  hour_days: number;
  day_days: number;
  lake_days: number;
  beacon_days: number;
}

export interface Site {
  name: string;
  key: string;
  created_ms?: number;
  timezone: string;
  currency?: string;
  session_gap_minutes: number;
  dimensions: string[];
  retention: Retention;
  rate_per_second: number;
}
