/** What the attributes of the script tag say. */

const script = document.currentScript as HTMLScriptElement;
const data = script.dataset;

/** Do Not Track or Global Privacy Control is on. */
const signal =
  (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl || navigator.doNotTrack === "1";
const onSignal = signal ? data.privacySignal || "cookieless" : "ignore";

/** Nothing is sent at all: the visitor's browser asks for privacy and the site said `data-privacy-signal="off"`. */
export const silent = onSignal === "off" || !data.site;

/** Where beacons go. */
export const endpoint = (data.endpoint || new URL(script.src).origin) + "/b/" + data.site;

/** The A/B group that the page was rendered in. */
export const group = data.group;

/** After so many ms without a beacon the next page belongs to a new session. */
export const idleMs = (Number(data.sessionMinutes) || 30) * 60_000;

/** The browser's storage, or nothing when the site or the visitor wants none. */
export const storage = ((): Storage | undefined => {
  if (data.storage === "none" || onSignal === "cookieless") return undefined;
  try {
    return localStorage;
  } catch {
    return undefined;
  }
})();

/** Whether a visitor id that outlives the session may be kept. */
export const keepsVisitor = "visitor" in data;

/** Name of what is stored, followed by its kind. */
export const storageKey = "tidemill." + data.site + ".";
