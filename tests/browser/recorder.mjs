// Stands between browser and server and remembers the beacons: what a page sends while it is left is seen only so.
import { createServer, request } from "node:http";

export class Recorder {
  beacons = [];
  /** How the paths begin to which these beacons are sent. */
  path = "/b/";
  /** Answers of a path without the server: { "/page.html": "<html>" }. */
  pages = {};

  static async before(server) {
    const recorder = new Recorder();
    recorder.server = createServer((incoming, outgoing) => recorder.pass(incoming, outgoing, server));
    await new Promise((go) => recorder.server.listen(0, "127.0.0.1", go));
    recorder.url = `http://127.0.0.1:${recorder.server.address().port}`;
    return recorder;
  }

  /** Remembers the beacons of this site from now on, and no others. */
  only(key) {
    this.path = `/b/${key}`;
    this.beacons = [];
  }

  pass(incoming, outgoing, server) {
    const page = this.pages[incoming.url.split("?")[0]];
    if (page) {
      outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
      return;
    }
    const onward = request({ host: "127.0.0.1", port: server.port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    if (incoming.url.startsWith(this.path)) {
      const { beacons } = this;
      let body = "";
      incoming.setEncoding("utf8").on("data", (text) => (body += text));
      incoming.on("end", () => {
        beacons.push(JSON.parse(body));
        onward.end(body);
      });
    } else incoming.pipe(onward);
  }

  /** The beacons of each impression, in their order. */
  impressions() {
    const groups = new Map();
    for (const beacon of this.beacons) groups.set(beacon.p, [...(groups.get(beacon.p) ?? []), beacon]);
    return [...groups.values()].map((beacons) => beacons.toSorted((a, b) => a.n - b.n));
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((go) => this.server.close(go));
  }
}
