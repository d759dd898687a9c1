/** Durations and moments. Moments are shown in the viewer's zone, with UTC at hand. */

/** 850 ms · 2.41 s · 12.3 s. */
export const milliseconds = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;

/** 45s · 2m 14s · 1h 05m. */
export const duration = (seconds: number): string => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3_600)}h ${String(Math.floor((whole % 3_600) / 60)).padStart(2, "0")}m`;
};

/** How old something is: 0.4 s · 12 s · 3 min · 2 h. */
export const age = (ms: number): string => {
  if (ms < 9_950) return `${(Math.max(ms, 0) / 1_000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
};

const options = (withTime: boolean, year: boolean): Intl.DateTimeFormatOptions => ({
  day: "numeric",
  month: "short",
  ...(year && { year: "numeric" }),
  ...(withTime && { hour: "2-digit", minute: "2-digit" }),
});

/** "14 Mar, 09:30" in the viewer's zone; with the year where it is not the current one. */
export const moment = (ms: number, withTime = true, zone?: string, lang?: string): string => {
  const year = new Date(ms).getFullYear() !== new Date().getFullYear();
  return new Date(ms).toLocaleString(lang, { ...options(withTime, year), timeZone: zone });
};

/** "14 Mar, 09:30 UTC", for hovering. */
export const utc = (ms: number, lang?: string): string => `${moment(ms, true, "UTC", lang)} UTC`;

/** A moment as <input type="datetime-local"> wants it, in the viewer's zone. */
export const toInput = (ms: number): string => {
  const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
};

/** The moment that such an input says, or undefined. */
export const fromInput = (text: string): number | undefined => {
  const ms = new Date(text).getTime();
  return Number.isFinite(ms) ? ms : undefined;
};
