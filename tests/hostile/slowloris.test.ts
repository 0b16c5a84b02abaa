import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";
import { handshakeLines, requestHead, Wire } from "./support/wire.ts";

/** A connection on which nothing whole has come is ended by then, milliseconds. */
const ENDED_MS = 20_000;
/** A slow client sends a little so often, milliseconds. */
const DRIP_MS = 500;
/** Of each kind. */
const CLIENTS = 20;
/** A client of `lty.v1` has so long to say who it is, milliseconds. */
const FIRST_FRAME_MS = 5_000;

let server: TestServer;
let silent: Promise<Refusals>;

beforeAll(async () => {
  server = await TestServer.start();
  // Beside the slow ones, as they would come.
  silent = saySilent(500);
});
afterAll(async () => {
  expect(server.output).not.toMatch(/"level":[56]0/);
  await server[Symbol.asyncDispose]();
});

interface SlowClient {
  /** What it begins with. */
  readonly first: () => string;
  /** What it adds now and then; nothing: it falls silent. */
  readonly drip?: string;
}

const push = (lines: string) => () =>
  `POST /api/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\n${lines}\r\n\r\n`;
const half = () =>
  requestHead(`GET /ws/device/?token=${server.adminToken} HTTP/1.1`, handshakeLines(server.port)).slice(0, -2);

const CLIENTS_BY_KIND: Readonly<Record<string, SlowClient>> = {
  "that says nothing": { first: () => "" },
  "that falls silent in the request's first line": { first: () => "GET /healthz HT" },
  "that sends its headers letter by letter": { first: () => "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", drip: "y" },
  "that sends header after header": { first: () => "GET /healthz HTTP/1.1\r\nHost: x\r\n", drip: "X: y\r\n" },
  "that falls silent in its handshake": { first: half },
  "that sends its handshake letter by letter": { first: () => `${half()}X: `, drip: "y" },
  "that falls silent in a body": { first: push("Content-Length: 60000") },
  "that sends a body letter by letter": { first: push("Content-Length: 60000"), drip: " " },
  "that sends chunk after chunk": { first: push("Transfer-Encoding: chunked"), drip: "1\r\n \r\n" },
  "that keeps a connection it has used": { first: () => "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" },
};

describe("a slow client", () => {
  // At the same time, as they would come.
  const ended = new Map<string, Promise<void>>();
  const wires: Wire[] = [];
  let dripping: Timer;
  beforeAll(() => {
    const drips: (() => void)[] = [];
    for (const [kind, { first, drip }] of Object.entries(CLIENTS_BY_KIND)) {
      const alike = Array.from({ length: CLIENTS }, () => new Wire(server.port));
      for (const wire of alike) {
        wire.write(first());
        if (drip !== undefined) drips.push(() => wire.write(drip));
      }
      wires.push(...alike);
      ended.set(
        kind,
        Promise.all(alike.map((wire) => wire.gone(ENDED_MS))).then(() => {}),
      );
    }
    dripping = setInterval(() => {
      for (const drip of drips) drip();
    }, DRIP_MS);
  });
  afterAll(() => {
    clearInterval(dripping);
    for (const wire of wires) wire[Symbol.dispose]();
  });

  test("keeps nobody else waiting", async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: server.adminToken });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect((await server.api("GET", "/api/users/")).status).toBe(200);
  });

  for (const kind of Object.keys(CLIENTS_BY_KIND)) {
    test(`${kind} is ended`, () => ended.get(kind), ENDED_MS + 1_000);
  }
});

interface Refusals {
  /** The code and the close of each. */
  readonly told: ReadonlySet<string>;
  /** From before the first was asked for, and from when the last was open, to the last close. */
  readonly sinceAskedMs: number;
  readonly sinceOpenMs: number;
}

/** Opens sockets of `lty.v1` that never say who they are, and waits for what becomes of them. */
async function saySilent(sockets: number): Promise<Refusals> {
  const lines = [...handshakeLines(server.port), ["Sec-WebSocket-Protocol", "lty.v1"] as const];
  const wires = Array.from({ length: sockets }, () => new Wire(server.port));
  try {
    const asked = performance.now();
    for (const wire of wires) wire.write(requestHead("GET /ws/device/ HTTP/1.1", lines));
    await Promise.all(wires.map((wire) => wire.head(ENDED_MS)));
    const opened = performance.now();
    // A ping says nothing about who it is, and gains no time.
    for (const wire of wires.slice(0, sockets / 5)) wire.write(encodeFrame(Opcode.ping, "me"));
    const told = new Set(await Promise.all(wires.map((wire) => refusal(wire))));
    const closed = performance.now();
    return { told, sinceAskedMs: closed - asked, sinceOpenMs: closed - opened };
  } finally {
    for (const wire of wires) wire[Symbol.dispose]();
  }
}

async function refusal(wire: Wire): Promise<string> {
  const { code } = JSON.parse(await wire.text(ENDED_MS)) as { readonly code: string };
  const { opcode, payload } = await wire.frame(ENDED_MS);
  return opcode === Opcode.close ? `${code} ${payload.readUInt16BE(0)}` : `${code}, opcode ${opcode}`;
}

test(
  "500 sockets of lty.v1 that never say who they are: all are closed within 5 s",
  async () => {
    const { told, sinceAskedMs, sinceOpenMs } = await silent;
    expect(told).toEqual(new Set(["UNAUTHENTICATED 4001"]));
    expect(sinceAskedMs).toBeGreaterThan(FIRST_FRAME_MS - 100);
    // Twice as long, on a busy machine.
    expect(sinceOpenMs).toBeLessThan(2 * FIRST_FRAME_MS);
    const { total_connections } = await server.data<{ total_connections: number }>("GET", "/api/connections/");
    expect(total_connections).toBe(0);
  },
  ENDED_MS,
);
