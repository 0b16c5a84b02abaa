import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { MemoryTransport } from "@qy-lty/server/transport/memory.ts";
import { encodeFrame, Opcode } from "./raw-frames.ts";
import { RawSocket } from "./raw-socket.ts";
import { startTestGateway, type TestGateway } from "./test-gateway.ts";
import { WeatherStub } from "./weather-stub.ts";

const dispose = (gateway: TestGateway) => gateway[Symbol.asyncDispose]();

describe.each([
  ["over TCP", () => ({})],
  ["in memory", () => ({ transport: new MemoryTransport() })],
])("a test gateway %s", (_, options) => {
  test("serves HTTP and sockets", async () => {
    await using gateway = await startTestGateway(options());
    const anna = await gateway.person();
    await using socket = await gateway.connect(`token=${anna.token}`, { headers: { "x-test": "1" } });
    expect(await socket.next()).toMatchObject({ type: "connection_status", user_id: String(anna.id) });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    socket.send("no JSON");
    expect(await socket.nextOfType("error")).toMatchObject({ code: "INVALID_JSON" });
    socket.sendBinary(new Uint8Array(1));
    expect(await socket.next()).toMatchObject({ code: "UNSUPPORTED_BINARY" });
    expect(socket.raw).toHaveLength(socket.frames.length);
    const { status, body } = await gateway.http<{ users: number[] }>("GET", "/api/online-users/", {
      token: anna.token,
    });
    expect([status, body.data.users]).toEqual([200, [anna.id]]);
  });

  test("rejects a connection that is refused before the upgrade, and what is waited for on one that has ended", async () => {
    await using gateway = await startTestGateway(options());
    await expect(gateway.connect("/nowhere/")).rejects.toThrow("refused");
    const socket = await gateway.connect("");
    await socket.closed;
    await socket.next();
    await expect(socket.next()).rejects.toThrow("the connection closed: 4001 unauthenticated");
  });
});

describe("a test gateway", () => {
  test("leaves nothing behind", async () => {
    const gateway = await startTestGateway();
    const { databasePath } = gateway;
    expect(existsSync(databasePath)).toBe(true);
    await dispose(gateway);
    expect(existsSync(databasePath)).toBe(false);
    await expect(fetch(gateway.url)).rejects.toThrow();
  });

  test("fails its test over a credential in the log, also of a token or ticket that came in an answer", async () => {
    for (const leak of [
      async (gateway: TestGateway) => (await gateway.person()).token,
      async (gateway: TestGateway) => {
        const { token } = await gateway.person({ isAdmin: true });
        const { body } = await gateway.http<{ ticket: string }>("POST", "/api/tickets/", { token, body: {} });
        return body.data.ticket;
      },
    ]) {
      const gateway = await startTestGateway({ transport: new MemoryTransport() });
      gateway.gateway.events.changed("user:1", `look: ${await leak(gateway)}`, {});
      await expect(dispose(gateway)).rejects.toThrow("a credential stands in the log");
    }
  });

  test("fails its test over an error nobody expected", async () => {
    const gateway = await startTestGateway({ transport: new MemoryTransport() });
    gateway.gateway.events.backgroundError(new Error("surprise"));
    await expect(dispose(gateway)).rejects.toThrow("surprise");
    const prepared = await startTestGateway({ transport: new MemoryTransport(), expectsErrors: true });
    prepared.gateway.events.backgroundError(new Error("surprise"));
    await dispose(prepared);
  });

  test("takes the settings of a stub", async () => {
    await using stub = WeatherStub.start();
    await using gateway = await startTestGateway({ environment: stub.environment("open-meteo") });
    const socket = await gateway.enter((await gateway.person()).token);
    expect(await socket.ask({ type: "weather" })).toMatchObject({ data: { provider: "open-meteo" } });
  });

  test("makes people, devices and services, each with a token", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const [anna, ben] = [await gateway.person(), await gateway.person({ username: "ben", isAdmin: true })];
    const device = await gateway.device({ userId: anna.id, isPrimary: true });
    const tokens = [anna.token, ben.token, await gateway.token({ device: device.id })];
    tokens.push(await gateway.token({ service: "backend", mayIssueTokens: true }));
    expect(new Set(tokens).size).toBe(4);
    expect(gateway.issuedSecrets).toEqual(tokens);
    expect([anna.username, ben.username, device.name]).toEqual(["user-1", "ben", "speaker"]);
  });
});

describe("a raw socket", () => {
  test("answers nothing by itself, and reads only while it is told to", async () => {
    await using gateway = await startTestGateway();
    const { token } = await gateway.person();
    using socket = await RawSocket.open(gateway.url, { target: `/ws/device/?token=${token}` });
    await socket.nextText();
    socket.stopReading();
    socket.write(encodeFrame(Opcode.text, '{"type":"ping","id":"1"}'));
    socket.startReading();
    expect(JSON.parse(await socket.nextText())).toMatchObject({ type: "pong", id: "1" });
    socket.close(4123, "bye");
    expect(await socket.closed).toEqual({ code: 4123, reason: "bye" });
    await socket.ended;
  });

  test("says how an upgrade was refused", async () => {
    await using gateway = await startTestGateway();
    await expect(RawSocket.open(gateway.url, { target: "/nowhere" })).rejects.toThrow(
      "the upgrade was refused with 404",
    );
  });
});
