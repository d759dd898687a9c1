/** Which page a path means. */

export type Route =
  | { page: "sites" }
  | { page: "site"; site: string }
  | { page: "streams" }
  | { page: "stream"; stream: string }
  | { page: "missing" };

export const parseRoute = (path: string): Route => {
  const [first = "", second = "", ...more] = path.split("/").filter(Boolean);
  if (more.length) return { page: "missing" };
  let name: string;
  try {
    name = decodeURIComponent(second);
  } catch {
    return { page: "missing" };
  }
  if (!first || (first === "sites" && !name)) return { page: "sites" };
  if (first === "sites") return { page: "site", site: name };
  if (first === "streams") return name ? { page: "stream", stream: name } : { page: "streams" };
  return { page: "missing" };
};

export const sitePath = (site: string): string => `/sites/${encodeURIComponent(site)}`;
export const streamPath = (stream: string): string => `/streams/${encodeURIComponent(stream)}`;

/** Paths of the server itself, which a click must really load. */
export const isServerPath = (path: string): boolean => /^\/(api|b|demo-shop|metrics|t\.js)(\/|$)/.test(path);
