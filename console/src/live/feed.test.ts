import { expect, test } from "vitest";
import { behind } from "./feed.svelte";

test("while connected the lag is the server's, and grows only once the server is lost", () => {
  expect(behind({ state: "live", at: 1_000, update: undefined }, 400, 61_000)).toBe(400);
  expect(behind({ state: "lost", at: 1_000, update: undefined }, 400, 61_000)).toBe(60_400);
  expect(behind({ state: "lost", at: 0, update: undefined }, 0, 61_000)).toBe(0);
});
