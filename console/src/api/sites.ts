/** Sites: list, create, change, delete. */
import { patch, post, remove, request } from "./client";
import type { Site } from "./types";

export const sitesPath = "/api/v1/sites";
export const siteApi = (site: string): string => `${sitesPath}/${encodeURIComponent(site)}`;

/** The list, whether it comes bare or in an object. */
export const listSites = async (): Promise<Site[]> => {
  const answer = await request<Site[] | { sites: Site[] }>(sitesPath);
  return Array.isArray(answer) ? answer : answer.sites;
};

export const createSite = (site: Partial<Site>): Promise<Site> => post(sitesPath, site);
export const changeSite = (name: string, changes: Partial<Site>): Promise<Site> => patch(siteApi(name), changes);
export const deleteSite = (name: string): Promise<unknown> => remove(siteApi(name));

/** The tag that a site puts on its pages. */
export const scriptTag = (origin: string, key: string): string =>
  `<script defer src="${origin}/t.js" data-site="${key}"></script>`;
