import { expect, test } from "vitest";
import { commandFor, matching, type Command } from "./commands.svelte";

const command = (title: string, section = "Go to", keys?: string): Command => ({ title, section, keys, run: () => {} });
const all = [command("Streams", "Go to", "g s"), command("Settings of the site", "Page", "s"), command("demo", "Site")];

test("two keys after each other go before one", () => {
  expect(commandFor(all, "g", "s")?.title).toBe("Streams");
  expect(commandFor(all, "x", "s")?.title).toBe("Settings of the site");
  expect(commandFor(all, "g", "q")).toBeUndefined();
});

test("a search finds all of its words, in any order, the title's beginning first", () => {
  expect(matching(all, "s").map(({ title }) => title)).toEqual(["Streams", "Settings of the site", "demo"]);
  expect(matching(all, "site set").map(({ title }) => title)).toEqual(["Settings of the site"]);
  expect(matching(all, "nothing")).toEqual([]);
});
