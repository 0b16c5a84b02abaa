import { expect, test } from "bun:test";
import { isLocal } from "./local.ts";

const ask = (headers: Record<string, string> = {}, url = "http://127.0.0.1:8000/metrics") =>
  new Request(url, { headers });

test.each(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])("%s is this machine", (peer) => {
  expect(isLocal(ask(), peer)).toBe(true);
});

test.each(["10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1.example", "2001:db8::1", "", "::2"])("%p is not", (peer) => {
  expect(isLocal(ask(), peer)).toBe(false);
});

test.each([
  ["x-forwarded-for", "127.0.0.1"],
  ["x-forwarded-for", ""],
  ["forwarded", "for=127.0.0.1"],
  ["x-real-ip", "127.0.0.1"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-host", "localhost"],
  ["via", "1.1 proxy"],
])("what a proxy passed on is not local, whatever it says: %s: %s", (name, value) => {
  expect(isLocal(ask({ [name]: value }), "127.0.0.1")).toBe(false);
});

test.each([
  ["http://localhost:8000/metrics", true],
  ["http://[::1]:8000/metrics", true],
  ["http://attacker.example:8000/metrics", false],
  ["http://127.0.0.1.attacker.example/metrics", false],
])("by the name it was asked under: %s %p", (url, local) => {
  expect(isLocal(ask({}, url), "127.0.0.1")).toBe(local);
});
