/** Dark or light: the system's choice until the viewer makes one. */

export type Theme = "system" | "light" | "dark";
const KEY = "tidemill.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

let choice = $state<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? "system");
let systemDark = $state(system.matches);
system.addEventListener("change", () => (systemDark = system.matches));

export const theme = {
  get choice(): Theme {
    return choice;
  },
  get dark(): boolean {
    return choice === "dark" || (choice === "system" && systemDark);
  },
  set(to: Theme): void {
    choice = to;
    if (to === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = to;
    try {
      if (to === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, to);
    } catch {
      // Without storage the choice lasts for this page.
    }
  },
  toggle(): void {
    this.set(this.dark ? "light" : "dark");
  },
};
