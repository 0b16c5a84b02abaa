import { describe, expect, test } from "bun:test";
import { findCredential, parseAuthorization, parseEndpoint } from "./credentials.ts";

describe("parseEndpoint", () => {
  test.each<[string, object | null]>([
    ["/ws/device/", {}],
    ["/ws/device", {}],
    ["/ws/device/token/abc/", { token: "abc" }],
    ["/ws/device/token/abc", { token: "abc" }],
    ["/ws/device/token/a%20b%2Fc/", { token: "a b/c" }],
    ["/ws/device/token/%zz/", { token: "%zz" }],
    ["/ws/device/token/7/", { token: "7" }],
    ["/ws/device/7/", { userId: 7 }],
    ["/ws/device/7", { userId: 7 }],
    ["/ws/device/token/", null],
    ["/ws/device/token//", null],
    ["/ws/device/token/a/b/", null],
    ["/ws/device/x/", null],
    ["/ws/device/7x/", null],
    ["/ws/device/-7/", null],
    ["/ws/device//", null],
    ["/ws/device/7//", null],
    ["/ws/devices/", null],
    ["/ws/", null],
    ["/", null],
    ["", null],
    ["/x/ws/device/", null],
    ["/WS/device/", null],
    ["/ws/device/\n", null],
  ])("%j", (path, endpoint) => {
    expect(parseEndpoint(path)).toEqual(endpoint);
  });
});

describe("parseAuthorization", () => {
  test.each<[string | null, string | null]>([
    ["Bearer abc", "abc"],
    ["Token abc", "abc"],
    ["bearer abc", "abc"],
    ["TOKEN   abc  ", "abc"],
    [null, null],
    ["", null],
    ["abc", null],
    ["Bearer", null],
    ["Bearer ", null],
    ["Basic abc", null],
    [" Bearer abc", null],
    ["Bearer\tabc", null],
    ["BearerX abc", null],
  ])("%j", (header, token) => {
    expect(parseAuthorization(header)).toBe(token);
  });
});

describe("findCredential", () => {
  const find = (header: string | null, query: string, path: string) => {
    const handshake = {
      path,
      query,
      peer: "::1",
      header: (name: string) => (name === "authorization" ? header : null),
    };
    return findCredential(handshake, new URLSearchParams(query), parseEndpoint(path) ?? {});
  };
  const path = "/ws/device/token/of-the-path/";
  const both = "token=of-the-query&ticket=the-ticket";

  test.each<[string, string | null, string, string, object | null]>([
    ["the header wins over all", "Bearer of-the-header", both, path, { kind: "token", token: "of-the-header" }],
    ["then the ticket", null, both, path, { kind: "ticket", ticket: "the-ticket" }],
    ["then the query", null, "token=of-the-query", path, { kind: "token", token: "of-the-query" }],
    ["then the path", null, "", path, { kind: "token", token: "of-the-path" }],
    ["then none", null, "", "/ws/device/", null],
    [
      "a header of another scheme is none",
      "Basic x",
      "token=of-the-query",
      path,
      { kind: "token", token: "of-the-query" },
    ],
    ["an empty ticket is none", null, "ticket=&token=of-the-query", path, { kind: "token", token: "of-the-query" }],
    ["an empty token is none", null, "token=", path, { kind: "token", token: "of-the-path" }],
    ["of two tokens the first", null, "token=1&token=2", "/ws/device/", { kind: "token", token: "1" }],
  ])("%s", (_, header, query, at, credential) => {
    expect(find(header, query, at)).toEqual(credential as never);
  });
});
