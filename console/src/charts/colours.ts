/** The page's colours, for what CSS can't reach. The same thing has the same colour on every page. */

export interface Colours {
  text: string;
  soft: string;
  faint: string;
  line: string;
  card: string;
  accent: string;
  groupA: string;
  groupB: string;
  human: string;
  bot: string;
  poor: string;
}

const VARIABLES: Record<keyof Colours, string> = {
  text: "--text",
  soft: "--soft",
  faint: "--faint",
  line: "--line",
  card: "--card",
  accent: "--accent",
  groupA: "--group-a",
  groupB: "--group-b",
  human: "--human",
  bot: "--bot",
  poor: "--poor",
};

export const readColours = (): Colours => {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    Object.entries(VARIABLES).map(([name, variable]) => [name, style.getPropertyValue(variable).trim()]),
  ) as unknown as Colours;
};

/** The colour of an A/B group by its place in the list: blue, pink, then slate. */
export const groupVariable = (at: number): string => ["--group-a", "--group-b", "--human", "--bot"][at] ?? "--human";
