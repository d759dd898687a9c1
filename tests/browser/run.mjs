// Runs the browser tests: `node run.mjs [--binary PATH] [FILTER]`. The binary is `tidemill`, built with --release.
import { spawn } from "node:child_process";
import { access, readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const args = process.argv.slice(2);
const at = args.indexOf("--binary");
const given = at >= 0 ? args.splice(at, 2)[1] : undefined;
const target = process.env.CARGO_TARGET_DIR ?? resolve(here, "../../target");
const binary = resolve(given ?? `${target}/release/tidemill`);
await access(binary).catch(() => {
  console.error(`There is no ${binary}. Build it with \`cargo build --release -p tidemill-cli\`, or name it by --binary.`);
  process.exit(2);
});

const filter = args[0] ?? "";
const files = (await readdir(here)).filter((name) => name.endsWith(".test.mjs") && name.includes(filter)).sort();
const tests = spawn(process.execPath, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files], {
  cwd: here,
  stdio: "inherit",
  env: { ...process.env, BINARY_UNDER_TEST: binary },
});
tests.on("exit", (code) => process.exit(code ?? 1));
