/** The page's address as state: links and buttons change it, Back and Forward too. */

let path = $state(window.location.pathname);
let search = $state(window.location.search);

export const address = {
  get path(): string {
    return path;
  },
  get search(): string {
    return search;
  },
};

const read = (): void => {
  path = window.location.pathname;
  search = window.location.search;
};

window.addEventListener("popstate", read);

/** Goes to an address. A `replace` leaves no step for Back: for what is not a decision of the viewer. */
export const navigate = (to: string, replace = false): void => {
  if (to === window.location.pathname + window.location.search) return;
  const before = window.location.pathname;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  read();
  if (before !== path) window.scrollTo(0, 0);
};
