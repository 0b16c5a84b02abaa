import { GET, handshake, LET_IN, PING, type RequestCase, type RequestGroup, type Target, withHeader } from "./case.ts";

const BAD = "400";

const byLine = (name: string, line: (target: Target) => string, answers: string): RequestCase => ({
  name,
  bytes: (target) => [handshake(target, { line: line(target) })],
  answers,
});
const header = (name: string, key: string, values: readonly string[], answers: string): RequestCase => ({
  name,
  bytes: withHeader(key, ...values),
  answers,
});
const path = ({ token }: Target) => `/ws/device/?token=${token}`;

export const handshakes: RequestGroup = {
  name: "handshakes that are none",
  cases: [
    byLine("by POST", (target) => `POST ${path(target)} HTTP/1.1`, BAD),
    byLine("by HEAD", (target) => `HEAD ${path(target)} HTTP/1.1`, BAD),
    byLine("by DELETE", (target) => `DELETE ${path(target)} HTTP/1.1`, BAD),
    byLine("of HTTP/2.0", (target) => `GET ${path(target)} HTTP/2.0`, "505"),
    byLine("of HTTP/1.10", (target) => `GET ${path(target)} HTTP/1.10`, "505"),
    byLine("of no version", (target) => `GET ${path(target)}`, "505"),
    byLine("of two spaces", (target) => `GET  ${path(target)} HTTP/1.1`, BAD),
    byLine("of a line feed in the path", (target) => `GET ${path(target)}\nX: y HTTP/1.1`, "505"),
    byLine("of a fragment", (target) => `GET /ws/device/#?token=${target.token} HTTP/1.1`, "404"),
    byLine("of a path in percent signs", ({ token }) => `GET /ws%2Fdevice/?token=${token} HTTP/1.1`, "404"),
    byLine("of a path with a NUL in percent signs", ({ token }) => `GET /ws/device/%00?token=${token} HTTP/1.1`, "404"),
    byLine("of another server's path", ({ token }) => `GET http://evil.test/elsewhere?token=${token} HTTP/1.1`, "404"),
    header("without a key", "Sec-WebSocket-Key", [], BAD),
    header("of an empty key", "Sec-WebSocket-Key", [""], BAD),
    header("of a short key", "Sec-WebSocket-Key", ["c2hvcnQ="], BAD),
    header("of two keys", "Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="], BAD),
    header("of a key of 8,000 characters", "Sec-WebSocket-Key", ["A".repeat(8_000)], BAD),
    header("without a version", "Sec-WebSocket-Version", [], "426"),
    header("of version 8", "Sec-WebSocket-Version", ["8"], "426"),
    header("of versions 13 and 8", "Sec-WebSocket-Version", ["13, 8"], "426"),
    header("of version -1", "Sec-WebSocket-Version", ["-1"], "426"),
    header("without Upgrade", "Upgrade", [], "426"),
    header("of an upgrade to h2c", "Upgrade", ["h2c"], "426"),
    header("of an upgrade to one of two", "Upgrade", ["h2c, websocket"], "426"),
    header("of two upgrades", "Upgrade", ["websocket", "websocket"], "426"),
    header("without a host", "Host", [], BAD),
    header("of an empty host", "Host", [""], BAD),
    header("of two hosts", "Host", ["a.test", "b.test"], BAD),
    header("of a host with a path", "Host", ["a.test/ws/device/"], BAD),
    header("of a host with a user", "Host", ["a@b.test"], BAD),
    header("of a host with a port beyond all", "Host", ["a.test:99999"], BAD),
    header("of a host of brackets", "Host", ["[::"], BAD),
    header("of a foreign origin", "Origin", ["https://evil.test"], "403"),
    header("of an opaque origin", "Origin", ["null"], "403"),
    header("of two origins", "Origin", ["http://a.test", "http://evil.test"], "403"),
    header("of an origin with this host in its user", "Origin", ["http://127.0.0.1@evil.test"], "403"),
    header("of an origin with this host as its start", "Origin", ["http://127.0.0.1.evil.test"], "403"),
  ],
};

export const bodies: RequestGroup = {
  name: "handshakes with a body, which nobody may read as frames or as requests",
  cases: [
    ...[
      ["five bytes", "Content-Length: 5", "hello"],
      ["a request", `Content-Length: ${GET.length}`, GET],
      ["a frame", `Content-Length: ${PING.length}`, PING],
      ["nothing, in chunks", "Transfer-Encoding: chunked", "0\r\n\r\n"],
      ["a request, in chunks", "Transfer-Encoding: chunked", `${GET.length.toString(16)}\r\n${GET}\r\n0\r\n\r\n`],
    ].map(([name, line, body]): RequestCase => {
      const [key = "", value = ""] = String(line).split(": ");
      return {
        name: String(name),
        bytes: (target) => [handshake(target, { lines: [[key, value]] }), body ?? ""],
        answers: BAD,
      };
    }),
    {
      name: "a length and chunks",
      bytes: (target) => [
        handshake(target, {
          lines: [
            ["Content-Length", "5"],
            ["Transfer-Encoding", "chunked"],
          ],
        }),
        "0\r\n\r\n",
      ],
      answers: BAD,
    },
    {
      name: "a length that is no number",
      bytes: (target) => [handshake(target, { lines: [["Content-Length", "many"]] }), PING],
      answers: BAD,
    },
    {
      name: "a body of no bytes is none",
      bytes: (target) => [handshake(target, { lines: [["Content-Length", "0"]] }), PING],
      answers: `${LET_IN}, pong`,
    },
  ],
};

export const pipelined: RequestGroup = {
  name: "bytes ahead of the answer",
  cases: [
    { name: "a frame", bytes: (target) => [handshake(target), PING], answers: `${LET_IN}, pong` },
    {
      name: "100 frames",
      bytes: (target) => [handshake(target), ...Array.from({ length: 100 }, () => PING)],
      answers: [LET_IN, ...Array.from({ length: 100 }, () => "pong")].join(", "),
    },
    { name: "half a frame", bytes: (target) => [handshake(target), PING.subarray(0, 7)], answers: LET_IN },
    { name: "a frame first, then the handshake", bytes: (target) => [PING, handshake(target)], answers: BAD },
    { name: "a request", bytes: (target) => [handshake(target), GET], answers: `${LET_IN}, close 1002` },
    {
      name: "another handshake",
      bytes: (target) => [handshake(target), handshake(target)],
      answers: `${LET_IN}, close 1002`,
    },
    {
      name: "a request, then the handshake",
      bytes: (target) => [GET, handshake(target), PING],
      answers: `200, ${LET_IN}, pong`,
    },
    {
      name: "a refused handshake, then a frame",
      bytes: (target) => [handshake(target, { line: "GET /ws/elsewhere/ HTTP/1.1" }), PING],
      answers: "404, 400",
    },
    {
      name: "a refused handshake, then another",
      bytes: (target) => [handshake(target, { line: "GET /ws/elsewhere/ HTTP/1.1" }), handshake(target), PING],
      answers: `404, ${LET_IN}, pong`,
    },
    {
      name: "a handshake cut short",
      bytes: (target) => [handshake(target).slice(0, -2)],
      answers: "",
    },
  ],
};

export const absurd: RequestGroup = {
  name: "handshakes that ask for too much",
  cases: [
    header("compression", "Sec-WebSocket-Extensions", ["permessage-deflate; client_max_window_bits=15"], LET_IN),
    header(
      "2,000 extensions",
      "Sec-WebSocket-Extensions",
      [Array.from({ length: 2_000 }, (_, n) => `x${n}`).join()],
      LET_IN,
    ),
    header(
      "1,000 subprotocols",
      "Sec-WebSocket-Protocol",
      [Array.from({ length: 1_000 }, (_, n) => `x${n}`).join()],
      LET_IN,
    ),
    header(
      "1,000 times lty.v1",
      "Sec-WebSocket-Protocol",
      [Array.from({ length: 1_000 }, () => "lty.v1").join()],
      LET_IN,
    ),
    header("a subprotocol with a tab in it", "Sec-WebSocket-Protocol", ["lty.v1\tX: y"], LET_IN),
    header("headers of 15,000 bytes", "X-Long", ["x".repeat(15_000)], LET_IN),
    header("headers of 17,000 bytes", "X-Long", ["x".repeat(17_000)], "431"),
    header("headers of 1 MiB", "X-Long", ["x".repeat(1_048_576)], "431"),
    { name: "90 header lines", bytes: (target) => [handshake(target, { lines: manyLines(90) })], answers: LET_IN },
    { name: "1,000 header lines", bytes: (target) => [handshake(target, { lines: manyLines(1_000) })], answers: "431" },
    byLine("a path of 1 MiB", () => `GET /ws/device/${"x".repeat(1_048_576)} HTTP/1.1`, "431"),
    byLine(
      "a query of 10,000 parameters",
      ({ token }) => `GET /ws/device/?${"a&".repeat(5_000)}token=${token} HTTP/1.1`,
      LET_IN,
    ),
  ],
};

function manyLines(count: number): [string, string][] {
  return Array.from({ length: count }, (_, n) => [`X-${n}`, "y"]);
}
