/** What can be done from the keyboard and the palette. Pages add theirs while they are shown. */
import { untrack } from "svelte";

export interface Command {
  title: string;
  /** A heading in the palette. */
  section: string;
  /** A single key, or two after each other ("g s"). */
  keys?: string;
  hint?: string;
  run: () => void;
}

let sets = $state.raw<Command[][]>([]);

export const commands = {
  get all(): Command[] {
    return sets.flat();
  },
  /** Adds commands; the answer takes them away. */
  add(set: Command[]): () => void {
    // Whoever adds commands does not depend on those of others.
    untrack(() => (sets = [...sets, set]));
    return () => untrack(() => (sets = sets.filter((other) => other !== set)));
  },
};

/** Where a key is text rather than a command. */
export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Finds the command for a key, given the key pressed just before. */
export const commandFor = (all: readonly Command[], before: string, key: string): Command | undefined =>
  all.find(({ keys }) => keys === `${before} ${key}`) ?? all.find(({ keys }) => keys === key);

/** Commands whose title holds every word of the search, those that begin with it first. */
export const matching = (all: readonly Command[], search: string): Command[] => {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ title, section }: Command): number => {
    const text = `${section} ${title}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return -1;
    return title.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1;
  };
  return all
    .map((command, at) => ({ command, rank: rank(command), at }))
    .filter((entry) => entry.rank >= 0)
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map((entry) => entry.command);
};
