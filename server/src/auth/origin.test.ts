import { describe, expect, test } from "bun:test";
import { OriginPolicy } from "./origin.ts";

const policy = new OriginPolicy(["https://app.example.com", "HTTP://Dev.Example.com:80", "https://[2001:db8::1]:8443"]);

describe("OriginPolicy lets in", () => {
  test.each<[string, string | null, string | null]>([
    ["no Origin: not a browser", null, "gateway.example.com"],
    ["no Origin, no Host", null, null],
    ["an allowed origin", "https://app.example.com", "gateway.example.com"],
    ["an allowed origin, its default port written out", "https://app.example.com:443", "gateway.example.com"],
    ["an allowed origin in other letters", "HTTPS://APP.example.com", "gateway.example.com"],
    ["an allowed origin that was configured in other letters", "http://dev.example.com", "gateway.example.com"],
    ["an allowed IPv6 origin", "https://[2001:db8:0::1]:8443", "gateway.example.com"],
    ["the same origin", "http://gateway.example.com", "gateway.example.com"],
    ["the same origin with a port", "http://127.0.0.1:8000", "127.0.0.1:8000"],
    ["the same origin, the default port written out", "http://gateway.example.com:80", "gateway.example.com"],
    ["the same origin, the default port in Host", "http://gateway.example.com", "gateway.example.com:80"],
    ["the same origin behind a proxy that ends TLS", "https://gateway.example.com", "gateway.example.com"],
    ["the same, the port in Host", "https://gateway.example.com", "gateway.example.com:443"],
    ["the same origin, IPv6", "http://[::1]:8000", "[::1]:8000"],
    ["the same origin in other letters", "http://gateway.example.com", "GATEWAY.Example.com"],
  ])("%s", (_, origin, host) => {
    expect(policy.allows(origin, host)).toBe(true);
  });
});

describe("OriginPolicy refuses", () => {
  test.each<[string, string, string | null]>([
    ["another site", "https://evil.example", "gateway.example.com"],
    ["a sandboxed page", "null", "gateway.example.com"],
    ["an empty origin", "", "gateway.example.com"],
    ["an allowed name as a subdomain", "https://app.example.com.evil.example", "gateway.example.com"],
    ["an allowed name as the end of another", "https://notapp.example.com", "gateway.example.com"],
    ["a subdomain of an allowed name", "https://x.app.example.com", "gateway.example.com"],
    ["the parent of an allowed name", "https://example.com", "gateway.example.com"],
    ["an allowed name over the other scheme", "http://app.example.com", "gateway.example.com"],
    ["an allowed name on another port", "https://app.example.com:8443", "gateway.example.com"],
    ["an allowed name as user info", "https://app.example.com@evil.example", "gateway.example.com"],
    ["user info before an allowed name", "https://x@app.example.com", "gateway.example.com"],
    ["an allowed name in a path", "https://evil.example/https://app.example.com", "gateway.example.com"],
    ["an allowed name in a query", "https://evil.example?https://app.example.com", "gateway.example.com"],
    ["an allowed name in a fragment", "https://evil.example#app.example.com", "gateway.example.com"],
    ["an allowed name behind a backslash", "https://evil.example\\@app.example.com", "gateway.example.com"],
    ["a trailing slash", "https://app.example.com/", "gateway.example.com"],
    ["a trailing dot", "https://app.example.com.", "gateway.example.com"],
    ["two origins", "https://app.example.com https://evil.example", "gateway.example.com"],
    ["two origins, by a comma", "https://app.example.com,https://evil.example", "gateway.example.com"],
    ["a tab in the middle", "https://app.exam\tple.com", "gateway.example.com"],
    ["a newline at the end", "https://app.example.com\n", "gateway.example.com"],
    ["a space before it", " https://app.example.com", "gateway.example.com"],
    ["a file", "file://", "gateway.example.com"],
    ["an extension", "chrome-extension://gateway.example.com", "gateway.example.com"],
    ["a script", "javascript://app.example.com", "gateway.example.com"],
    ["no scheme", "app.example.com", "gateway.example.com"],
    ["no slashes", "https:app.example.com", "gateway.example.com"],
    ["a name that looks alike", "https://аpp.example.com", "gateway.example.com"],
    ["a percent-encoded name", "https://evil.example%2f.app.example.com", "gateway.example.com"],
    ["a port that is none", "https://app.example.com:99999", "gateway.example.com"],
    ["our host on another port", "http://gateway.example.com:8080", "gateway.example.com"],
    ["our host's name without its port", "http://127.0.0.1", "127.0.0.1:8000"],
    ["our host's http port from an https page", "https://gateway.example.com", "gateway.example.com:80"],
    ["our host as the start of another", "http://gateway.example.com.evil.example", "gateway.example.com"],
    ["any origin, where there is no Host", "http://gateway.example.com", null],
    ["an empty Host", "http://gateway.example.com", ""],
  ])("%s", (_, origin, host) => {
    expect(policy.allows(origin, host)).toBe(false);
  });

  test.each(["https://app.example.com", "http://localhost", "null", ""])(
    "%j where nothing is allowed by name",
    (origin) => {
      expect(new OriginPolicy([]).allows(origin, "gateway.example.com")).toBe(false);
    },
  );

  test("null and * do not open the door when they are configured", () => {
    const careless = new OriginPolicy(["null", "*", ""]);
    for (const origin of ["null", "*", "", "https://evil.example"]) expect(careless.allows(origin, "h")).toBe(false);
  });
});
