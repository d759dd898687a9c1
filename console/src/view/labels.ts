/** Words for dimensions and their values. */

export const dimensionTitle = (dimension: string): string =>
  ({
    group: "A/B group",
    device: "Device",
    browser: "Browser",
    os: "System",
    country: "Country",
    page: "Page",
    referrer: "Source",
    navigation: "Navigation",
  })[dimension] ?? dimension;

const NAVIGATION: Record<string, string> = {
  navigate: "Link or address",
  reload: "Reload",
  back_forward: "Back or forward",
  prerender: "Prerendered",
  soft: "Soft navigation",
};
const DEVICE: Record<string, string> = { desktop: "Desktop", mobile: "Mobile", tablet: "Tablet", other: "Other" };

let countries: Intl.DisplayNames | undefined;

const countryName = (code: string): string => {
  try {
    countries ??= new Intl.DisplayNames(undefined, { type: "region" });
    return countries.of(code) ?? code;
  } catch {
    return code;
  }
};

/** What a value is called. Empty means unknown, but for a source, where it means that there was none. */
export const valueTitle = (dimension: string, value: string): string => {
  if (value === "") return dimension === "referrer" ? "Direct" : dimension === "group" ? "No group" : "Unknown";
  if (dimension === "country") return countryName(value);
  if (dimension === "navigation") return NAVIGATION[value] ?? value;
  if (dimension === "device") return DEVICE[value] ?? value;
  return value;
};

const ISSUES: Record<string, string> = {
  duplicate_beacon: "Beacon received twice",
  missing_nav: "Navigation beacon missing",
  missing_load: "Load beacon missing",
  metric_out_of_range: "Timer out of range",
  clock_skew: "Browser’s clock more than a day off",
  static_conflict: "Beacons disagree about a fixed field",
  group_conflict: "Group changed within an impression",
  unknown_group: "Group not known to the site",
  duplicate_order: "Order told again",
  malformed_field: "Field of a wrong type",
  orphan_event: "Event without its impression",
  oversized_session: "Session above its limit",
  generated_id: "Session id missing",
};

/** `some_code` in words. */
export const plainWords = (code: string): string => {
  const words = code.replaceAll(/[_-]+/g, " ").trim().replaceAll(/\b(ai|seo|http|rss|ms|id|json)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const issueTitle = (issue: string): string => ISSUES[issue] ?? plainWords(issue);
