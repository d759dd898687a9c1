import { expect, test } from "vitest";
import { bytes } from "./bytes";
import { csv } from "./csv";
import { change, money, percent, short, whole } from "./numbers";
import { age, duration, fromInput, milliseconds, toInput } from "./time";
import { rating, vitalValue } from "./vitals";

test("counts keep four figures at most", () => {
  expect(whole(12_345, "en")).toBe("12,345");
  expect([0, 999, 9_876, 12_345, 4_560_000].map((n) => short(n, "en"))).toEqual(["0", "999", "9,876", "12.3K", "4.56M"]);
});

test("small shares keep a decimal, others need none", () => {
  expect([0, 0.004, 0.0999, 0.43, 1].map((share) => percent(share, "en"))).toEqual(["0%", "0.4%", "10.0%", "43%", "100%"]);
});

test("money has its currency, and survives one that does not exist", () => {
  expect(money(4_999, "EUR", "en")).toBe("€49.99");
  expect(money(2_405_490, "EUR", "en")).toBe("€24,055");
  expect(money(123_456_789, "USD", "en")).toBe("$1.235M");
  expect(money(4_999, undefined, "en")).toBe("49.99");
  expect(money(4_999, "nonsense", "en")).toBe("49.99");
});

test("a change names its direction, and nothing comes of nothing", () => {
  expect(change(112, 100, "en")).toEqual({ direction: "up", figure: "12%" });
  expect(change(95, 100, "en")).toEqual({ direction: "down", figure: "5.0%" });
  expect(change(100, 100, "en")).toEqual({ direction: "same", figure: "0%" });
  expect(change(5_000, 100, "en")).toEqual({ direction: "up", figure: "×50" });
  expect(change(5, 0)).toBeUndefined();
});

test("durations and ages have their units", () => {
  expect([0, 850, 999.4, 2_412, 12_340].map(milliseconds)).toEqual(["0 ms", "850 ms", "999 ms", "2.41 s", "12.3 s"]);
  expect([45, 134, 3_900].map(duration)).toEqual(["45s", "2m 14s", "1h 05m"]);
  expect([380, 12_000, 180_000, 7_200_000].map(age)).toEqual(["0.4 s", "12 s", "3 min", "2 h"]);
});

test("what an input shows is what it gives back", () => {
  const moment = new Date(2026, 2, 14, 9, 30).getTime();
  expect(fromInput(toInput(moment))).toBe(moment);
  expect(fromInput("soon")).toBeUndefined();
});

test("a vital is rated by its thresholds, which belong to the better side", () => {
  expect([2_500, 2_501, 4_000, 4_001].map((value) => rating(value, [2_500, 4_000]))).toEqual([
    "good", "needs-improvement", "needs-improvement", "poor",
  ]);
  expect(vitalValue("cls", 0.0612)).toBe("0.061");
  expect(vitalValue("lcp", 1_200)).toBe("1.20 s");
});

test("bytes are told in powers of a thousand", () => {
  expect([0, 999, 1_500, 23_400_000].map(bytes)).toEqual(["0 B", "999 B", "1.5 KB", "23 MB"]);
});

test("CSV quotes what needs it and disarms formulas", () => {
  const rows = [{ value: '/a,"b"', n: 1 }, { value: "=cmd()", n: -2 }, { value: "", n: null }];
  expect(csv(rows)).toBe('value,n\r\n"/a,""b""",1\r\n\'=cmd(),-2\r\n,\r\n');
});
