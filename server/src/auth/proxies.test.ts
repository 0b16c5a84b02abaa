import { describe, expect, test } from "bun:test";
import { ConfigError } from "../config/load.ts";
import { TrustedProxies } from "./proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);

describe("the client's address", () => {
  test.each<[string, string, string | null, string]>([
    ["no header", "10.0.0.1", null, "10.0.0.1"],
    ["a peer that is no proxy is believed nothing", "203.0.113.9", "198.51.100.7", "203.0.113.9"],
    ["one proxy", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["two proxies", "192.0.2.1", "198.51.100.7, 10.1.2.3", "198.51.100.7"],
    ["what the client wrote itself does not count", "10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"],
    ["not even when it names a proxy", "10.0.0.1", "10.9.9.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"],
    ["proxies all the way: the farthest", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"],
    ["a peer in IPv4-mapped form", "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["an IPv6 proxy", "2001:db8::5", "2001:4860::8888", "2001:4860::8888"],
    ["spaces", "10.0.0.1", "  198.51.100.7  ", "198.51.100.7"],
    ["nonsense ends the way back", "10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"],
    ["nonsense alone", "10.0.0.1", "unknown", "10.0.0.1"],
    ["a port is nonsense", "10.0.0.1", "198.51.100.7:4711", "10.0.0.1"],
    ["an empty header", "10.0.0.1", "", "10.0.0.1"],
    ["a long chain", "10.0.0.1", `${"1.1.1.1,".repeat(5_000)}198.51.100.7`, "198.51.100.7"],
    ["just outside a range", "11.0.0.1", "198.51.100.7", "11.0.0.1"],
  ])("%s", (_, peer, header, address) => {
    expect(proxies.clientAddress(peer, header)).toBe(address);
  });

  test("without a trusted proxy it is the peer's", () => {
    expect(new TrustedProxies([]).clientAddress("127.0.0.1", "198.51.100.7")).toBe("127.0.0.1");
  });
});

describe("the setting", () => {
  test.each(["10.0.0.0/0", "0.0.0.0/0", "::/0", "10.0.0.1/32", "2001:db8::1/128", "::1"])("takes %s", (entry) => {
    expect(() => new TrustedProxies([entry])).not.toThrow();
  });

  test.each([
    "localhost",
    "10.0.0",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/9",
    "2001:db8::/129",
    "/8",
    "*",
  ])("refuses %s in one line", (entry) => {
    expect(() => new TrustedProxies([entry])).toThrow(ConfigError);
    expect(() => new TrustedProxies([entry])).toThrow(
      `LTY_TRUSTED_PROXIES: expected an address or a CIDR range, got ${JSON.stringify(entry)}`,
    );
  });
});
