// A real server on a free port, with a data folder of its own.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 30_000;

export const freePort = () =>
  new Promise((found, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });

export class Tidemill {
  static async start() {
    const data = await mkdtemp(join(tmpdir(), "tidemill-browser-"));
    const server = new Tidemill(data, await freePort());
    await server.run();
    return server;
  }

  constructor(data, port) {
    this.data = data;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts the process; again after `halt`, on the same data. */
  async run() {
    this.log = "";
    this.process = spawn(process.env.BINARY_UNDER_TEST, ["serve", "--data", this.data, "--port", String(this.port)]);
    this.process.stdout.on("data", (text) => (this.log += text));
    this.process.stderr.on("data", (text) => (this.log += text));
    const until = Date.now() + START_MS;
    while (!(await fetch(`${this.url}/api/v1/sites`).then(({ ok }) => ok, () => false))) {
      if (this.process.exitCode !== null) throw new Error(`tidemill ended with ${this.process.exitCode}:\n${this.log}`);
      if (Date.now() > until) throw new Error(`tidemill did not answer within ${START_MS} ms:\n${this.log}`);
      await new Promise((go) => setTimeout(go, 50));
    }
  }

  /** Ends the process; the data stay. */
  async halt() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((go) => this.process.once("exit", go));
    this.process.kill("SIGKILL");
    await ended;
  }

  async stop() {
    await this.halt();
    await rm(this.data, { recursive: true, force: true });
  }

  async api(path, body) {
    const response = await fetch(this.url + path, body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  site(name) {
    return this.api("/api/v1/sites", { name });
  }
}

/** Asks until the answer is right, and otherwise tells the last answer. */
export const eventually = async (ask, isRight, ms = 20_000) => {
  const until = Date.now() + ms;
  let last;
  do {
    last = await ask();
    if (isRight(last)) return last;
    await new Promise((go) => setTimeout(go, 100));
  } while (Date.now() < until);
  throw new Error(`not within ${ms} ms; last: ${JSON.stringify(last)}`);
};
