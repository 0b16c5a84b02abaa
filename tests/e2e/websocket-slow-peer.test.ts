import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { type Person, person } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const MESSAGE = "x".repeat(60_000);
/** Far more than the system's buffers and ours can hold. */
const MOST_MESSAGES = 1_000;

/** What comes until the close: how many texts, and its code. */
async function readToEnd(socket: RawSocket): Promise<{ texts: number; code: number }> {
  for (let texts = 0; ; texts++) {
    const { opcode, payload } = await socket.next();
    if (opcode === Opcode.close) return { texts, code: payload.readUInt16BE(0) };
  }
}

describe("a peer that does not read", () => {
  test("is closed with 4011 once its buffer is full, and nobody else notices", async () => {
    using slow = await RawSocket.open(server.port, alice.token);
    using swift = await TestSocket.open(server.wsUrl, { token: alice.token });
    slow.stopReading();

    let sent = 0;
    const push = { type: "note", message: MESSAGE, user_id: alice.id, ttl: 0 };
    const open = async () =>
      (await server.data<{ total_connections: number }>("GET", "/api/connections/")).total_connections;
    while ((await open()) === 2 && sent < MOST_MESSAGES) {
      await server.data("POST", "/api/messages/", push);
      sent += 1;
    }
    expect(sent).toBeLessThan(MOST_MESSAGES);
    expect(await swift.rest()).toHaveLength(sent);

    slow.startReading();
    const { texts, code } = await readToEnd(slow);
    expect(code).toBe(4011);
    expect(texts).toBeLessThanOrEqual(sent);
  });

  test("that asks and asks is closed with 4011 too", async () => {
    using slow = await RawSocket.open(server.port, alice.token);
    slow.stopReading();
    const question = encodeFrame(Opcode.text, JSON.stringify({ type: "chat_message", message: "x".repeat(10_000) }));
    for (let asked = 0; asked < 2 * MOST_MESSAGES; asked++) slow.write(question);
    while ((await server.data<{ count: number }>("GET", "/api/online-users/")).count > 0) {
      // Until the server has had enough of it.
    }
    slow.startReading();
    expect((await readToEnd(slow)).code).toBe(4011);
  });
});
