/** The paths of a spark line. A missing value is bridged; fewer than two values make no line. */

export const sparkPath = (
  values: readonly (number | null)[],
  width: number,
  height: number,
): { line: string; area: string } | undefined => {
  const known = values.flatMap((value, at) => (value === null || !Number.isFinite(value) ? [] : [{ value, at }]));
  if (known.length < 2) return undefined;
  const top = Math.max(...known.map(({ value }) => value));
  const room = height - 3;
  const points = known.map(({ value, at }) => {
    const x = (at / (values.length - 1)) * width;
    const y = height - 1.5 - (top > 0 ? (value / top) * room : 0);
    return `${round(x)} ${round(y)}`;
  });
  const line = `M${points.join("L")}`;
  const first = points[0]!.split(" ")[0];
  const last = points[points.length - 1]!.split(" ")[0];
  return { line, area: `${line}L${last} ${height}L${first} ${height}Z` };
};

const round = (value: number): number => Math.round(value * 10) / 10;
