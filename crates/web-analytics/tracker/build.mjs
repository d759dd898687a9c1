// Builds what the server embeds: the tracker and the two lists of user agents.
import { writeCrawlers, writeUserAgents } from "./build/lists.mjs";
import { buildTracker } from "./build/tracker.mjs";
import { mkdir } from "node:fs/promises";

await mkdir("dist", { recursive: true });
await writeCrawlers("dist/crawlers.json");
await writeUserAgents("dist/user-agents.json");
await buildTracker("src/tracker.ts", "dist/tracker.js");
