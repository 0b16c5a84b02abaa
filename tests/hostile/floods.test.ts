import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { OPEN } from "./frames/case.ts";
import { GatewayProcess } from "./support/gateway-process.ts";
import { handshakeLines, requestHead, Wire } from "./support/wire.ts";

/** A flood is so many frames. */
const FRAMES = 50_000;
/** In one write. */
const AT_ONCE = 1_000;
const MOST_GROWTH_BYTES = 24 * 1024 * 1024;
const MOST_STALL_MS = 250;
/** How long the server may take over a flood on a busy machine, milliseconds. */
const PATIENCE_MS = 20_000;
const TEST_MS = 60_000;

let gateway: GatewayProcess;
let token: string;
let rssBefore: number;

beforeAll(async () => {
  gateway = await GatewayProcess.start({ LTY_RATE_LIMIT_MESSAGES: "0" }, 1);
  token = gateway.holders[0]?.userToken ?? "";
  // Everything has been used once.
  using wire = await Wire.open(gateway.port, token);
  for (const { frame } of Object.values(FLOODS)) wire.write(frame);
  await wire.gone();
  rssBefore = (await gateway.measure()).rssBytes;
});
afterAll(() => gateway[Symbol.asyncDispose]());

interface Flood {
  readonly frame: Buffer;
  /** What each of them is answered by, or all of them together. */
  readonly each?: string;
  readonly all?: string;
  /** What is sent before and after. */
  readonly around?: readonly [before: Buffer, after: Buffer];
}

const FLOODS: Readonly<Record<string, Flood>> = {
  pings: { frame: encodeFrame(Opcode.ping), each: "pong" },
  "pings of 125 bytes": { frame: encodeFrame(Opcode.ping, "x".repeat(125)), each: "pong" },
  pongs: { frame: encodeFrame(Opcode.pong, "1") },
  "empty texts": { frame: encodeFrame(Opcode.text), each: "INVALID_JSON" },
  "empty binaries": { frame: encodeFrame(Opcode.binary), each: "UNSUPPORTED_BINARY" },
  "empty fragments": {
    frame: encodeFrame(Opcode.continuation, "", { final: false }),
    all: "pong",
    around: [encodeFrame(Opcode.text, '{"type":', { final: false }), encodeFrame(Opcode.continuation, '"ping"}')],
  },
};

function flood(wire: Wire, frame: Buffer, frames: number): void {
  const chunk = Buffer.concat(Array.from({ length: AT_ONCE }, () => frame));
  for (let sent = 0; sent < frames; sent += AT_ONCE) wire.write(chunk);
}

describe(`${FRAMES.toLocaleString("en")} frames of one kind:`, () => {
  for (const [name, { frame, each, all, around = [] }] of Object.entries(FLOODS)) {
    const answered = async () => {
      using wire = await Wire.open(gateway.port, token);
      using other = await Wire.open(gateway.port, token);
      const [before = "", after = ""] = around;
      wire.write(before);
      flood(wire, frame, FRAMES);
      wire.write(after);
      expect(await other.fate(PATIENCE_MS)).toBe(OPEN);
      const answers = [...Array.from({ length: FRAMES }, () => each), all].filter((answer) => answer !== undefined);
      // Not by `toBe`: nobody wants to read the difference.
      expect((await wire.fate(PATIENCE_MS)) === [...answers, OPEN].join(", ")).toBe(true);
    };
    test(`${name} are answered or ignored, and another socket is served meanwhile`, answered, TEST_MS);
  }

  const unread = async () => {
    using wire = await Wire.open(gateway.port, token);
    wire.stopReading();
    flood(wire, encodeFrame(Opcode.ping, "x".repeat(125)), 4 * FRAMES);
    using other = await Wire.open(gateway.port, token);
    expect(await other.fate(PATIENCE_MS)).toBe(OPEN);
  };
  test("pings of a peer that does not read their pongs are no burden to others", unread, TEST_MS);

  const bounded = async () => {
    const { rssBytes, stall, errors } = await gateway.measure();
    expect(errors).toEqual([]);
    expect(stall.ownMs).toBeLessThanOrEqual(MOST_STALL_MS);
    expect(rssBytes - rssBefore).toBeLessThan(MOST_GROWTH_BYTES);
  };
  test("leave memory where it was, and never hold up the loop for long", bounded, TEST_MS);
});

const crowd = async () => {
  const wires = Array.from({ length: 500 }, () => new Wire(gateway.port));
  for (const wire of wires) {
    wire.write(requestHead(`GET /ws/device/?token=${token} HTTP/1.1`, handshakeLines(gateway.port)));
  }
  await Promise.all(wires.map((wire) => wire.head(PATIENCE_MS)));
  await Promise.all(wires.map((wire) => wire.text(PATIENCE_MS)));
  expect((await gateway.census()).size).toBe(500);
  for (const wire of wires) wire.write(encodeFrame(Opcode.text, '{"type":"ping"}'));
  const answers = await Promise.all(wires.map((wire) => wire.text(PATIENCE_MS)));
  expect(answers.filter((answer) => answer.includes('"pong"'))).toHaveLength(500);
  for (const wire of wires) wire.reset();
  let left = 500;
  while (left > 0) left = (await gateway.census()).sockets ?? 0;
};
test("500 connections from one address are all let in and answered, and leave nothing behind", crowd, TEST_MS);
