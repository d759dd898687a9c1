// Bundles the tracker with the web-vitals library and refuses a result above its budget.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** What a page pays for being measured: bytes gzipped, web-vitals included. */
export const BUDGET_BYTES_GZIPPED = 5_000;

export async function buildTracker(entry, output) {
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    sourcemap: "external",
    legalComments: "none",
    mangleProps: /^_[a-zA-Z]/,
    banner: { js: "/* Tidemill tracker, Apache-2.0; contains web-vitals, Apache-2.0 (Google LLC) */" },
  });
  const bytes = gzipSync(await readFile(output), { level: 9 }).length;
  console.log(`${output}: ${bytes} bytes gzipped of ${BUDGET_BYTES_GZIPPED}`);
  if (bytes > BUDGET_BYTES_GZIPPED) throw new Error(`${output} is ${bytes - BUDGET_BYTES_GZIPPED} bytes above its budget`);
}
