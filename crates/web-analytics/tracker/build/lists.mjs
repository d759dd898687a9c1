// The lists of user agents: declared bots (MIT) and weighted real browsers (BSD-2-Clause), cut to what is used.
import { createRequire } from "node:module";
import { readFile, writeFile } from "node:fs/promises";

const require = createRequire(import.meta.url);

/** Writes `[{pattern, tags, instances}]`: regular expressions of declared bots with examples of each. */
export async function writeCrawlers(path) {
  const crawlers = require("crawler-user-agents").map(({ pattern, tags = [], instances = [] }) => ({ pattern, tags, instances }));
  await writeList(path, crawlers, 1_000);
}

/**
 * Writes `[{userAgent, weight, deviceCategory, viewport: [width, height], platform}]`, heaviest first.
 * Profiles that differ in nothing of that become one, with the sum of their weights.
 */
export async function writeUserAgents(path) {
  const source = require.resolve("user-agents").replace(/[^/]+$/, "user-agents.json");
  const merged = new Map();
  for (const profile of JSON.parse(await readFile(source, "utf8"))) {
    const { userAgent, weight, deviceCategory, viewportWidth, viewportHeight, platform } = profile;
    const kept = { userAgent, deviceCategory, viewport: [viewportWidth, viewportHeight], platform };
    const key = JSON.stringify(kept);
    const entry = merged.get(key) ?? { ...kept, weight: 0 };
    entry.weight += weight;
    merged.set(key, entry);
  }
  const agents = [...merged.values()]
    .map((agent) => ({ ...agent, weight: Number(agent.weight.toPrecision(6)) }))
    .sort((a, b) => b.weight - a.weight || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  await writeList(path, agents, 500);
}

/** One entry a line, so that a diff of two versions is readable. A list that shrank to nearly nothing is a broken package. */
async function writeList(path, entries, expectedAtLeast) {
  if (entries.length < expectedAtLeast) throw new Error(`${path}: only ${entries.length} entries`);
  await writeFile(path, `[\n${entries.map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`);
  console.log(`${path}: ${entries.length} entries`);
}
