/** The time, once a second, for what shows ages. */

let now = $state(Date.now());
setInterval(() => (now = Date.now()), 1_000);

export const clock = {
  get now(): number {
    return now;
  },
};
