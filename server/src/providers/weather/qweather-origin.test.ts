import { describe, expect, test } from "bun:test";
import { qweatherOrigin } from "./qweather-origin.ts";

describe("qweatherOrigin", () => {
  test.each([
    ["abc1234xyz.def.qweatherapi.com", "https://abc1234xyz.def.qweatherapi.com"],
    ["https://abc.qweatherapi.com/", "https://abc.qweatherapi.com"],
    ["weather.internal:8443", "https://weather.internal:8443"],
    ["127.0.0.1:9000", "https://127.0.0.1:9000"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    ["http://127.254.3.2", "http://127.254.3.2"],
    ["http://[::1]:9000", "http://[::1]:9000"],
    ["HTTP://LOCALHOST:9000/", "http://localhost:9000"],
  ])("%s is %s", (host, origin) => {
    expect(qweatherOrigin(host)).toBe(origin);
  });

  test.each([
    "http://abc.qweatherapi.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://0.0.0.0",
    "http://10.0.0.1",
    "http://[::]",
    "ftp://127.0.0.1",
    "https://user:pass@abc.qweatherapi.com",
    "abc.qweatherapi.com/path",
    "abc.qweatherapi.com?x=1",
    "two words",
    "https://",
  ])("%s is refused", (host) => {
    expect(qweatherOrigin(host)).toBeUndefined();
  });
});
