import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { encodeClose, encodeFrame, type FrameShape, Opcode } from "@qy-lty/testkit";
import { type Person, person } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;
let alice: Person;
let socket: RawSocket;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(async () => {
  // Whatever was sent, the server still answers, and none of it was a bug of ours.
  expect((await server.api("GET", "/healthz")).status).toBe(200);
  expect(server.output).not.toMatch(/internal error|background task failed/);
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  socket = await RawSocket.open(server.port, alice.token);
});
afterEach(() => socket[Symbol.dispose]());

const PING = '{"type":"ping"}';
const frame = (text: string | Uint8Array) => encodeFrame(Opcode.text, text);
const closeFrame = (code: number, reason?: string) => encodeFrame(Opcode.close, encodeClose(code, reason));
/** A fragment that is not the last, and one that is. */
const first = (text: string | Uint8Array) => encodeFrame(Opcode.text, text, { final: false });
const middle = (text: string | Uint8Array) => encodeFrame(Opcode.continuation, text, { final: false });
const last = (text: string | Uint8Array) => encodeFrame(Opcode.continuation, text);

/** The socket goes on: a ping is answered by the very next frame. */
async function goesOn(): Promise<void> {
  socket.write(frame(PING));
  expect(await socket.json()).toMatchObject({ type: "pong" });
}

describe("a frame's size", () => {
  /** A text frame of exactly `bytes` bytes. It has too many characters, and says so where it is read at all. */
  const ofSize = (bytes: number) => frame("x".repeat(bytes));

  test("of 64 KiB is read", async () => {
    socket.write(ofSize(65_536));
    expect(await socket.json()).toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    await goesOn();
  });

  test("of 64 KiB and a byte closes with 1009", async () => {
    socket.write(ofSize(65_537));
    expect(await socket.closeCode()).toBe(1009);
    await socket.gone();
  });

  test("of 64 KiB and a byte in two fragments closes with 1009", async () => {
    socket.write(first("x".repeat(40_000)));
    socket.write(last("x".repeat(25_537)));
    expect(await socket.closeCode()).toBe(1009);
  });

  test("is refused by its head: of a frame that announces 2^62 bytes none is waited for", async () => {
    socket.write(Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]));
    await socket.gone();
  });

  test("of a binary frame over 64 KiB closes with 1009 too", async () => {
    socket.write(encodeFrame(Opcode.binary, Buffer.alloc(65_537)));
    expect(await socket.closeCode()).toBe(1009);
  });
});

describe("text that is no UTF-8 closes with 1007:", () => {
  const bad: Record<string, readonly number[]> = {
    "a byte that starts nothing": [0xff],
    "a continuation alone": [0x80],
    "an overlong slash": [0xc0, 0xaf],
    "a surrogate": [0xed, 0xa0, 0x80],
    "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
    "cut off": [0xe5, 0xa5],
  };
  for (const [name, bytes] of Object.entries(bad)) {
    test(name, async () => {
      socket.write(
        frame(
          Buffer.concat([Buffer.from('{"type":"chat_message","message":"'), Buffer.from(bytes), Buffer.from('"}')]),
        ),
      );
      expect(await socket.closeCode()).toBe(1007);
    });
  }
});

describe("fragments", () => {
  const text = '{"type":"chat_message","message":"你好🐱"}';
  const bytes = Buffer.from(text);

  test("make one frame, cut anywhere, also inside a character", async () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      socket.write(first(bytes.subarray(0, cut)));
      socket.write(last(bytes.subarray(cut)));
      expect(await socket.json()).toMatchObject({ message: "收到消息:你好🐱" });
    }
  });

  test("of a byte each make one frame", async () => {
    for (const [index, byte] of bytes.entries()) {
      socket.write(index === 0 ? first(Buffer.of(byte)) : middle(Buffer.of(byte)));
    }
    socket.write(last(""));
    expect(await socket.json()).toMatchObject({ message: "收到消息:你好🐱" });
  });

  test("let control frames between them", async () => {
    socket.write(first(bytes.subarray(0, 10)));
    socket.write(encodeFrame(Opcode.ping, "are you there"));
    expect(await socket.next()).toMatchObject({ opcode: Opcode.pong, payload: Buffer.from("are you there") });
    socket.write(last(bytes.subarray(10)));
    expect(await socket.json()).toMatchObject({ message: "收到消息:你好🐱" });
  });

  test("of a frame may come in as many TCP segments", async () => {
    for (const byte of frame(text)) socket.write(Buffer.of(byte));
    expect(await socket.json()).toMatchObject({ message: "收到消息:你好🐱" });
  });

  test("many frames in one TCP segment are answered one by one", async () => {
    socket.write(Buffer.concat(Array.from({ length: 20 }, (_, id) => frame(`{"type":"ping","id":"${id}"}`))));
    for (let id = 0; id < 20; id++) expect(await socket.json()).toMatchObject({ id: String(id) });
  });
});

describe("control frames", () => {
  test("ping is answered by pong with its payload, and a pong unasked for by nothing", async () => {
    for (const payload of ["", "hi", "x".repeat(125)]) {
      socket.write(encodeFrame(Opcode.ping, payload));
      expect(await socket.next()).toMatchObject({ opcode: Opcode.pong, payload: Buffer.from(payload) });
    }
    socket.write(encodeFrame(Opcode.pong, "unasked"));
    await goesOn();
  });

  const closes: Record<string, readonly [sent: Buffer, answered: number]> = {
    "1000 with a reason": [closeFrame(1000, "客户端主动断开连接"), 1000],
    "1001": [closeFrame(1001), 1001],
    "a code of the application's": [closeFrame(4999, "bye"), 4999],
    "no code": [encodeFrame(Opcode.close), 1005],
  };
  for (const [name, [sent, answered]] of Object.entries(closes)) {
    test(`close with ${name} is answered, and the connection ends`, async () => {
      socket.write(sent);
      const { opcode, payload } = await socket.next();
      expect(opcode).toBe(Opcode.close);
      if (answered !== 1005) expect(payload.readUInt16BE(0)).toBe(answered);
      await socket.gone();
      expect(await server.data("GET", "/api/online-users/")).toEqual({ users: [], count: 0 });
    });
  }
});

describe("frames against the protocol end the connection:", () => {
  const ping = (shape: FrameShape) => encodeFrame(Opcode.text, PING, shape);
  const bad: Record<string, Buffer> = {
    "not masked": ping({ masked: false }),
    "a reserved bit": ping({ reserved: 4 }),
    "a reserved opcode": encodeFrame(3, PING),
    "a reserved control opcode": encodeFrame(11),
    "a ping in fragments": encodeFrame(Opcode.ping, "", { final: false }),
    "a ping of 126 bytes": encodeFrame(Opcode.ping, "x".repeat(126)),
    "a continuation of nothing": last(PING),
    "a new frame amid fragments": Buffer.concat([first("{"), frame(PING)]),
    "a close of one byte": encodeFrame(Opcode.close, Buffer.of(3)),
    "a close with a code that may not be sent": closeFrame(1005),
    "a close with a reason that is no UTF-8": encodeFrame(Opcode.close, Buffer.of(3, 0xe8, 0xff)),
    "a request of HTTP": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    test(name, async () => {
      socket.write(bytes);
      await socket.gone();
      using next = await RawSocket.open(server.port, alice.token);
      next.write(frame(PING));
      expect(await next.json()).toMatchObject({ type: "pong" });
    });
  }
});

test("a frame that is sent with the handshake, before the answer, is answered after connection_status", async () => {
  const { socket: early } = await RawSocket.handshake(server.port, `/ws/device/?token=${alice.token}`, {}, frame(PING));
  using _ = early;
  expect(await early.json()).toMatchObject({ type: "connection_status" });
  expect(await early.json()).toMatchObject({ type: "pong" });
});

test("a peer that vanishes without a close leaves nothing behind", async () => {
  socket[Symbol.dispose]();
  using other = await RawSocket.open(server.port, (await person(server)).token);
  const isGone = async () => {
    const { users } = await server.data<{ users: number[] }>("GET", "/api/online-users/");
    return !users.includes(alice.id);
  };
  while (!(await isGone())) {
    other.write(frame(PING));
    await other.json();
  }
});
