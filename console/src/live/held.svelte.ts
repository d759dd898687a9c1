/** Rows that stay where they are while the pointer or the focus is on them. */

export class Held<T> {
  /** Is the pointer or the focus on them? */
  over = $state(false);
  #shown = $state.raw<T>();
  #key: unknown;

  /** `newest` is what came last. When `key` changes, something else was asked for, and nothing is held. */
  constructor(newest: () => T | undefined, key: () => unknown) {
    $effect.pre(() => {
      const [rows, asked] = [newest(), key()];
      if (this.over && asked === this.#key && rows) return;
      this.#shown = rows;
      this.#key = asked;
    });
  }

  get shown(): T | undefined {
    return this.#shown;
  }
}

/** The handlers for the element that holds the rows. */
export const holding = (held: { over: boolean }) => ({
  onpointerenter: () => (held.over = true),
  onpointerleave: () => (held.over = false),
  onfocusin: () => (held.over = true),
  onfocusout: () => (held.over = false),
});
