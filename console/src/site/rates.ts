/** Figures over time that follow from others. */
import type { Point } from "../api/types";

/** Adds the bounce rate of each point: of those with sessions. */
export const withRates = (points: readonly Point[] | undefined): Point[] =>
  (points ?? []).map((point) => ({
    ...point,
    bounce_rate: point.sessions ? (point.bounces ?? 0) / point.sessions : null,
  }));
