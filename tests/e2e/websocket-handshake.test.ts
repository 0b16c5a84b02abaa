import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, person } from "./support/people.ts";
import { type HeaderLines, RawSocket } from "./support/raw-socket.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start({
    LTY_ALLOWED_ORIGINS: "https://app.example.com,http://localhost:5173,https://Other.Example.com:443",
  });
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

/** The status of a handshake with a good token, and its headers. */
async function shake(headers: HeaderLines, path = "/ws/device/") {
  const { socket, answer } = await RawSocket.handshake(server.port, `${path}?token=${alice.token}`, headers);
  socket[Symbol.dispose]();
  return answer;
}

const here = () => `http://127.0.0.1:${server.port}`;

describe("an Origin is refused with 403 before the upgrade:", () => {
  const hostile: Record<string, () => string | readonly string[]> = {
    "another site": () => "http://evil.example",
    null: () => "null",
    "an empty one": () => "",
    "this host on another port": () => `http://127.0.0.1:${server.port + 1}`,
    "this host without its port": () => "http://127.0.0.1",
    "another name of this host": () => `http://localhost:${server.port}`,
    "this host as a label of another": () => `http://127.0.0.1:${server.port}.evil.example`,
    "this host as user information": () => `http://127.0.0.1:${server.port}@evil.example`,
    "this host after a #": () => `http://evil.example/#${here()}`,
    "this host after a ?": () => `http://evil.example?${here()}`,
    "a backslash before this host": () => `http://evil.example\\@127.0.0.1:${server.port}`,
    "a path": () => `${here()}/`,
    "another scheme": () => `ws://127.0.0.1:${server.port}`,
    "a file": () => "file://",
    "an extension": () => "chrome-extension://abcdefghijklmnop",
    "two in one header": () => `${here()} http://evil.example`,
    "two headers": () => [here(), "http://evil.example"],
    "an allowed one over another scheme": () => "http://app.example.com",
    "an allowed one on another port": () => "https://app.example.com:8443",
    "an allowed one as a label of another": () => "https://app.example.com.evil.example",
    "a subdomain of an allowed one": () => "https://sub.app.example.com",
    "a suffix of an allowed one": () => "https://evilapp.example.com",
    "an allowed one with a dot behind": () => "https://app.example.com.",
  };
  for (const [name, origin] of Object.entries(hostile)) {
    test(name, async () => {
      const answer = await shake({ Origin: origin() });
      expect(answer.status).toBe(403);
      expect(answer.headers["sec-websocket-accept"]).toBeUndefined();
    });
  }

  test("the answer is the API's error, and the log has the origin", async () => {
    const { status, headers, body } = await RawSocket.request(
      server.port,
      `GET /ws/device/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n\r\n`,
    );
    expect(status).toBe(403);
    expect(headers["content-type"]).toStartWith("application/json");
    expect(JSON.parse(body)).toMatchObject({ status: "error", code: "FORBIDDEN", request_id: expect.any(String) });
    // What is logged before an answer may be read after it.
    while (!server.output.includes('"origin":"http://evil.example"')) await server.api("GET", "/healthz");
  });
});

describe("an Origin is let in:", () => {
  const welcome: Record<string, () => HeaderLines> = {
    "none, as of what is no browser": () => ({}),
    "this server's own": () => ({ Origin: here() }),
    "this server's own behind a proxy that ends TLS": () => ({ Origin: "https://lty.example", Host: "lty.example" }),
    "the default port, written or not": () => ({ Origin: "http://lty.example", Host: "lty.example:80" }),
    "a host in capitals": () => ({ Origin: "http://lty.example", Host: "LTY.Example" }),
    "an allowed one": () => ({ Origin: "https://app.example.com" }),
    "an allowed one with a port": () => ({ Origin: "http://localhost:5173" }),
    "an allowed one that was written otherwise": () => ({ Origin: "https://other.example.com" }),
  };
  for (const [name, headers] of Object.entries(welcome)) {
    test(name, async () => {
      expect((await shake(headers())).status).toBe(101);
    });
  }
});

describe("subprotocols", () => {
  for (const offered of ["chat", "chat, superchat", "lty.v2", "LTY.V1", "lty.v10, mqtt"]) {
    test(`${offered}: none is answered`, async () => {
      const answer = await shake({ "Sec-WebSocket-Protocol": offered });
      expect(answer.status).toBe(101);
      expect(answer.headers["sec-websocket-protocol"]).toBeUndefined();
    });
  }

  test("none offered: none is answered", async () => {
    expect((await shake({})).headers["sec-websocket-protocol"]).toBeUndefined();
  });

  test("compression is never agreed on", async () => {
    const answer = await shake({ "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" });
    expect(answer.status).toBe(101);
    expect(answer.headers["sec-websocket-extensions"]).toBeUndefined();
  });
});

describe("paths", () => {
  for (const path of ["/ws/device/", "/ws/device"]) {
    test(`${path} is the endpoint`, async () => {
      expect((await shake({}, path)).status).toBe(101);
    });
  }

  const absent = [
    "/",
    "/ws",
    "/ws/",
    "/ws/device//",
    "/ws/devices/",
    "/WS/device/",
    "/ws/device/abc/",
    "/ws/device/-7/",
  ];
  const deeper = [
    "/ws/device/token/",
    "/ws/device/token/a/b/",
    "/ws/device/7/8/",
    "/ws/device/7//",
    "//ws/device/",
    "/api/users/",
  ];
  for (const path of [...absent, ...deeper]) {
    test(`${path} is 404 for an upgrade`, async () => {
      expect((await shake({}, path)).status).toBe(404);
    });
  }

  for (const path of ["/ws/device/", "/ws/device", "/ws/device/7/", "/ws/device/7", "/ws/device/token/abc/"]) {
    test(`GET ${path} without an upgrade is 426`, async () => {
      const { status, headers, body } = await server.api("GET", path, { token: null });
      expect([status, body.code]).toEqual([426, "UPGRADE_REQUIRED"]);
      expect(headers.get("upgrade")).toBe("websocket");
    });
  }
});

describe("a handshake that is none is refused with 4xx:", () => {
  const broken: Record<string, HeaderLines> = {
    "no key": { "Sec-WebSocket-Key": [] },
    "an empty key": { "Sec-WebSocket-Key": "" },
    "another version": { "Sec-WebSocket-Version": "12" },
    "another upgrade": { Upgrade: "h2c" },
  };
  for (const [name, headers] of Object.entries(broken)) {
    test(name, async () => {
      const { status } = await shake(headers);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    });
  }
});
