import { expect, test } from "vitest";
import { LineBuffer, recordText } from "./api";

test("lines are whole however the network cuts them", () => {
  const buffer = new LineBuffer();
  expect(buffer.push('{"a":1}\n{"b"')).toEqual(['{"a":1}']);
  expect(buffer.push(":2}\n\n")).toEqual(['{"b":2}']);
  expect(buffer.push("")).toEqual([]);
});

test("a record is shown as text, bytes as base64", () => {
  expect(recordText({ data: "plain" })).toBe("plain");
  expect(recordText({ data: { a: 1 } })).toBe('{"a":1}');
  expect(recordText({ data_base64: "AAE=" })).toBe("AAE=");
});
