/** Numbers as people read them. Every function takes the viewer's locale, so that tests can name one. */

const locale = (): string => (typeof navigator === "undefined" ? "en" : navigator.language);

/** 12,345 in full. */
export const whole = (value: number, lang = locale()): string => Math.round(value).toLocaleString(lang);

/** At most four figures: 9,876 · 12.3K · 4.56M. */
export const short = (value: number, lang = locale()): string =>
  Math.abs(value) < 10_000
    ? whole(value, lang)
    : value.toLocaleString(lang, { notation: "compact", maximumSignificantDigits: 3 });

/** A share of one as percent: 0.4 % keeps its figure, 43 % needs none behind the point. */
export const percent = (share: number, lang = locale()): string => {
  const digits = share > 0 && share < 0.1 ? 1 : 0;
  return `${(share * 100).toLocaleString(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits })}%`;
};

/** Cents as money of a currency, without cents from 10,000 on and compact from 1,000,000 on. Without a known currency only the figure. */
export const money = (cents: number, currency: string | undefined, lang = locale()): string => {
  const value = cents / 100;
  const digits = Math.abs(value) < 10_000 ? 2 : 0;
  const options: Intl.NumberFormatOptions =
    Math.abs(value) >= 1_000_000
      ? { notation: "compact", maximumSignificantDigits: 4 }
      : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  try {
    return value.toLocaleString(lang, currency ? { style: "currency", currency, ...options } : options);
  } catch {
    return value.toLocaleString(lang, options);
  }
};

/** A change as a word and a figure; `undefined` where there is nothing to compare with. */
export interface Change {
  direction: "up" | "down" | "same";
  /** Without sign: "12%". */
  figure: string;
}

export const change = (now: number, before: number, lang = locale()): Change | undefined => {
  if (!(before > 0) || !Number.isFinite(now)) return undefined;
  const share = now / before - 1;
  if (Math.abs(share) < 0.0005) return { direction: "same", figure: "0%" };
  const figure = Math.abs(share) >= 10 ? `×${short(now / before, lang)}` : percent(Math.abs(share), lang);
  return { direction: share > 0 ? "up" : "down", figure };
};
