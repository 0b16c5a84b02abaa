import { fixed, GET, push, type RequestCase, type RequestGroup } from "./case.ts";

const BAD = "400";
/** A body whose user is missing: 400 by the gateway, which has read all of it. */
const READ = "400";

const CHUNKED = "Transfer-Encoding: chunked";
const row = (name: string, lines: readonly string[], body: string, answers: string): RequestCase => ({
  name,
  bytes: push(lines, body),
  answers,
});

export const smuggling: RequestGroup = {
  name: "bodies of two lengths",
  cases: [
    row("a length and chunks", ["Content-Length: 5", CHUNKED], `0\r\n\r\n${GET}`, BAD),
    row("chunks and a length", [CHUNKED, "Content-Length: 5"], `0\r\n\r\n${GET}`, BAD),
    row("two lengths", ["Content-Length: 2", `Content-Length: ${2 + GET.length}`], `{}${GET}`, BAD),
    row("a list of lengths", ["Content-Length: 2, 2"], `{}${GET}`, BAD),
    row("a negative length", ["Content-Length: -2"], `{}${GET}`, BAD),
    row("a length with a sign", ["Content-Length: +2"], `{}${GET}`, BAD),
    row("a hexadecimal length", ["Content-Length: 0x2"], `{}${GET}`, BAD),
    row("a length with a point", ["Content-Length: 2.0"], `{}${GET}`, BAD),
    row("a length beyond 64 bits", ["Content-Length: 18446744073709551618"], `{}${GET}`, BAD),
    row("a length of spaces", ["Content-Length: 2 2"], `{}${GET}`, BAD),
    row("a space before the colon", ["Content-Length : 2"], `{}${GET}`, BAD),
    row("a length that was folded", ["Content-Length:\r\n 2"], `{}${GET}`, BAD),
    row("chunks by another name", ["Transfer-Encoding: xchunked"], `0\r\n\r\n${GET}`, BAD),
    row("chunks, then as they are", ["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${GET}`, BAD),
    row("chunks twice", [CHUNKED, CHUNKED], `0\r\n\r\n${GET}`, BAD),
    row("chunks after a vertical tab", ["Transfer-Encoding: \u000bchunked"], `0\r\n\r\n${GET}`, BAD),
    row("chunks of gzip", ["Transfer-Encoding: gzip, chunked"], `0\r\n\r\n${GET}`, BAD),
    row("the same length twice is one", ["Content-Length: 2", "Content-Length: 2"], `{}${GET}`, `${READ}, 200`),
    row("chunks in capitals are chunks", ["Transfer-Encoding: CHUNKED"], `2\r\n{}\r\n0\r\n\r\n${GET}`, `${READ}, 200`),
    row(
      "a chunk's extension is none of ours",
      [CHUNKED],
      `2;x="${"y".repeat(100)}"\r\n{}\r\n0\r\n\r\n${GET}`,
      `${READ}, 200`,
    ),
    row(
      "a trailer, which is the end",
      [CHUNKED],
      `2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n${GET}`,
      `${READ}, ${BAD}`,
    ),
  ],
};

/** What a broken body is answered by: the connection's end, after a bare 400. */
const BROKEN = "400";

export const chunks: RequestGroup = {
  name: "chunks that are none",
  cases: [
    row("a size of letters", [CHUNKED], `zz\r\n${GET}`, BROKEN),
    row("a negative size", [CHUNKED], `-2\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
    row("a size with 0x", [CHUNKED], `0x2\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
    row("a size beyond 64 bits", [CHUNKED], `ffffffffffffffffff\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
    row("a size too small", [CHUNKED], `1\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
    row("a size too large", [CHUNKED], `3\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
    row("no line break after the data", [CHUNKED], `2\r\n{}0\r\n\r\n${GET}`, BROKEN),
    row("line feeds alone", [CHUNKED], `2\n{}\n0\n\n${GET}`, BROKEN),
    row("no size", [CHUNKED], `\r\n{}\r\n0\r\n\r\n${GET}`, BROKEN),
  ],
};

export const requests: RequestGroup = {
  name: "requests that are none",
  cases: [
    fixed("line feeds alone", "GET /healthz HTTP/1.1\nHost: x\n\n", "505"),
    fixed("a header that was folded", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", BAD),
    fixed("a carriage return in a header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", BAD),
    fixed("a NUL in a header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", BAD),
    fixed("a header without a name", "GET /healthz HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", BAD),
    fixed("a header of two words", "GET /healthz HTTP/1.1\r\nHost: x\r\nX Y: a\r\n\r\n", BAD),
    fixed("a header without a colon", "GET /healthz HTTP/1.1\r\nHost: x\r\nXY\r\n\r\n", BAD),
    fixed("a first header that begins with a space", "GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n", BAD),
    fixed("a NUL in the path", "GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n", "505"),
    fixed("a path that does not begin with a slash", "GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
    fixed("a path of a star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
    fixed("a method of signs", "G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
    fixed("a method nobody knows", "HACK /healthz HTTP/1.1\r\nHost: x\r\n\r\n", ""),
    fixed("a method in small letters", "get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", ""),
    fixed("TRACE", "TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
    fixed("CONNECT to elsewhere", "CONNECT evil.test:80 HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
    fixed("HTTP/0.9", "GET /healthz\r\n\r\n", "505"),
    fixed("HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
    fixed("TLS", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), BAD),
    fixed("frames", Uint8Array.of(0x81, 0x80, 1, 2, 3, 4), BAD),
    fixed("a path out of the documents", "GET /docs/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
    fixed("the same in percent signs", "GET /docs/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
    fixed("a path that is no UTF-8", "GET /%ff%fe/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
    ...["a b", "", "[::", "x:99999", "%00", "a/b", "a?b", "a#b", "a\\b", "a,b", "<x>"].map((host) =>
      fixed(`a host of "${host}"`, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`, BAD),
    ),
    fixed("two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", BAD),
    fixed(
      "a host that hides the path of a push",
      "GET /healthz?x=//y/api/messages/ HTTP/1.1\r\nHost: a b\r\n\r\n",
      BAD,
    ),
    fixed(
      "100 requests at once are answered in order",
      GET.repeat(100),
      Array.from({ length: 100 }, () => "200").join(", "),
    ),
  ],
};
