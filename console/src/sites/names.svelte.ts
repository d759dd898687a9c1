/** The sites known to the page, for search. */
import { listSites } from "../api/sites";
import type { Site } from "../api/types";

let sites = $state.raw<Site[]>([]);

export const siteNames = {
  get all(): string[] {
    return sites.map(({ name }) => name);
  },
  find(name: string): Site | undefined {
    return sites.find((site) => site.name === name);
  },
  set(to: Site[]): void {
    sites = to;
  },
  async load(): Promise<void> {
    sites = await listSites();
  },
};
