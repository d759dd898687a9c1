// Takes a picture of a page of a running server: `node screenshot.mjs URL FILE.png [width] [light|dark] [whole]`.
import { launch } from "./browser.mjs";

const [url, file, width = "1440", colorScheme = "light", whole] = process.argv.slice(2);
if (!url || !file) {
  console.error("usage: node screenshot.mjs URL FILE.png [width] [light|dark] [whole]");
  process.exit(2);
}
const browser = await launch();
const page = await browser.newPage({ viewport: { width: Number(width), height: Number(width) < 500 ? 844 : 900 }, colorScheme, deviceScaleFactor: 2 });
await page.goto(url);
await page.waitForSelector("[aria-busy=true]", { state: "detached" }).catch(() => {});
await page.waitForTimeout(1_500);
await page.screenshot({ path: file, fullPage: whole === "whole" });
await browser.close();
