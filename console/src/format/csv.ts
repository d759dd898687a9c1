/** Rows as CSV (RFC 4180). */

const cell = (value: unknown): string => {
  const text = value === null || value === undefined ? "" : String(value);
  // A spreadsheet runs what begins so: page paths and sources come from strangers.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const csv = (rows: readonly object[]): string => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column])).join(","));
  return [columns.map(cell).join(","), ...lines].join("\r\n") + "\r\n";
};
