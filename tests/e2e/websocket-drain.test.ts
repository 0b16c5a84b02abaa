import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { person } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";
import { within } from "./support/wait.ts";

/** How long an orchestrator is promised it takes at most, milliseconds. */
const AT_MOST_MS = 15_000;

describe("on SIGTERM", () => {
  test("every connection closes with 1012, and the process exits 0", async () => {
    await using server = await TestServer.start();
    const { token } = await person(server);
    const open = () => TestSocket.open(server.wsUrl, { token });
    const sockets = await Promise.all(Array.from({ length: 200 }, open));
    server.signal("SIGTERM");
    const closings = await Promise.all(sockets.map((socket) => socket.ended(AT_MOST_MS)));
    expect(new Set(closings.map(({ code, reason }) => `${code} ${reason}`))).toEqual(new Set(["1012 service restart"]));
    expect(await within(server.exited, "the exit", AT_MOST_MS)).toBe(0);
  });

  test("what was pushed before goes out before the close", async () => {
    await using server = await TestServer.start();
    const { id, token } = await person(server);
    const socket = await TestSocket.open(server.wsUrl, { token });
    await server.data("POST", "/api/messages/", { type: "note", message: "last words", user_id: id, ttl: 0 });
    server.signal("SIGTERM");
    const { code, frames } = await socket.ended(AT_MOST_MS);
    expect([...frames.map((pushed) => pushed.message), code]).toEqual(["last words", 1012]);
  });

  test("new upgrades are refused, also while a connection is still closing", async () => {
    await using server = await TestServer.start();
    const { token } = await person(server);
    // It does not answer the close yet.
    using lingering = await RawSocket.open(server.port, token);
    server.signal("SIGTERM");
    const close = await lingering.next();
    expect([close.opcode, close.payload.readUInt16BE(0)]).toEqual([Opcode.close, 1012]);
    // Refused by the server, or by the system once the listener is gone.
    const status = await RawSocket.handshake(server.port, `/ws/device/?token=${token}`).then(
      ({ answer }) => answer.status,
      () => "refused",
    );
    expect([503, "refused"]).toContain(status);
    lingering.write(encodeFrame(Opcode.close, close.payload));
    expect(await within(server.exited, "the exit", AT_MOST_MS)).toBe(0);
  });

  test("a peer that neither reads nor answers does not hold it up", async () => {
    await using server = await TestServer.start();
    const { token } = await person(server);
    using _silent = await RawSocket.open(server.port, token);
    server.signal("SIGTERM");
    expect(await within(server.exited, "the exit", AT_MOST_MS)).toBe(0);
  }, 60_000);

  test("a second signal changes nothing", async () => {
    await using server = await TestServer.start();
    const { token } = await person(server);
    const socket = await TestSocket.open(server.wsUrl, { token });
    server.signal("SIGTERM");
    server.signal("SIGTERM");
    expect((await socket.ended()).code).toBe(1012);
    expect(await within(server.exited, "the exit", AT_MOST_MS)).toBe(0);
  });
});

describe("a restart", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("keeps users, devices and tokens; SIGINT drains as SIGTERM does", async () => {
    const { id, token } = await person(server);
    const socket = await TestSocket.open(server.wsUrl, { token });
    server.signal("SIGINT");
    expect((await socket.ended()).code).toBe(1012);
    expect(await within(server.exited, "the exit", AT_MOST_MS)).toBe(0);

    await server.serve();
    using again = await TestSocket.open(server.wsUrl, { token });
    expect(again.greeting.user_id).toBe(String(id));
  });

  test("also after kill -9", async () => {
    const { id, token } = await person(server);
    server.signal("SIGKILL");
    await server.exited;
    await server.serve();
    using again = await TestSocket.open(server.wsUrl, { token });
    expect(again.greeting.user_id).toBe(String(id));
  });
});
