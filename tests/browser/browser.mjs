// Headless Chromium, and visitors in it.
import { chromium } from "playwright-core";

/** Without the network switches Chromium asks for its maker's hosts at every start. */
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: SWITCHES });

/** Browsers of people: headless Chromium's own name is a declared bot's. */
export const DESKTOP = {
  userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  viewport: { width: 1280, height: 800 },
};
export const PHONE = {
  userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  viewport: { width: 390, height: 844 },
};
export const CRAWLER = {
  userAgent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  viewport: { width: 1280, height: 800 },
};

/** A visitor: storage of its own, and a page. What goes wrong in the page fails the test. */
export const visitor = async (browser, options, allowed = []) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    if (!allowed.some((text) => error.message.includes(text))) throw error;
  });
  return { page, leave: () => context.close() };
};

/** Leaves a page as a visitor does, so that its last beacons are sent. */
export const leave = async (page) => {
  await page.goto("about:blank");
  await page.waitForTimeout(150);
};
