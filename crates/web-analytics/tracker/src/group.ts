/** A/B groups: assigned by a hash of something stable, so that a visitor stays in one group. */
import { stableId } from "./identity";

/** FNV-1a of the text, 32 bits, then mixed so that its upper bits spread too. */
const hash = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};

/**
 * The group out of `weights` (name → share) for `seed`, by default an id kept in this browser. Without storage and
 * without a seed there is nothing stable to hash: undefined, rather than a group that changes on every page.
 */
export const assignGroup = (weights: Record<string, number>, seed = stableId()): string | undefined => {
  if (!seed) return undefined;
  const names = Object.keys(weights);
  const total = names.reduce((sum, name) => sum + weights[name]!, 0);
  let point = (hash(seed + names) / 2 ** 32) * total;
  return names.find((name) => (point -= weights[name]!) < 0);
};
