import { describe, expect, test } from "bun:test";
import { ConnectionStatus, ErrorFrame, PushedFrame } from "@qy-lty/protocol";
import { ManualClock, RawSocket, startTestGateway } from "@qy-lty/testkit";
import type { z } from "zod";
import { MemoryTransport } from "./transport/memory.ts";

/** What the schema does not know of a frame. */
function unknownMembers(schema: z.ZodObject, frame: object): string[] {
  expect(schema.safeParse(frame)).toMatchObject({ success: true });
  return Object.keys(frame).filter((member) => !(member in schema.shape));
}

const failing = { now: () => Promise.reject(new Error("why")) };

describe("the frames that the server sends are those of the protocol:", () => {
  test("greetings and pushes", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const anna = await gateway.person();
    const socket = await gateway.connect(`token=${anna.token}`);
    expect(unknownMembers(ConnectionStatus, await socket.next())).toEqual([]);
    const body = { type: "note", message: { text: "hi" }, user_id: anna.id };
    await gateway.http("POST", "/api/messages/", { token: anna.token, body });
    const pushed = await socket.next();
    expect(unknownMembers(PushedFrame, pushed)).toEqual([]);
    expect(pushed).toMatchObject({ type: "note", message: { text: "hi" } });
    await gateway.http("POST", `/api/users/${anna.id}/messages/`, { token: anna.token, body });
    const signed = await socket.next();
    expect(unknownMembers(PushedFrame, signed)).toEqual([]);
    expect(signed).toMatchObject({ type: "note", sender: anna.username });
  });

  test("the greeting of a device that nobody owns", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const { id } = await gateway.device();
    const socket = await gateway.connect(`token=${await gateway.token({ device: id })}`);
    const greeting = await socket.next();
    expect(unknownMembers(ConnectionStatus, greeting)).toEqual([]);
    expect(greeting).toMatchObject({ user_id: null, device_id: id, status: "connected" });
  });

  test("errors", async () => {
    await using gateway = await startTestGateway({
      transport: new MemoryTransport(),
      config: { rateLimitMessages: 2 },
      services: { weather: failing },
      expectsErrors: true,
    });
    const socket = await gateway.enter((await gateway.person()).token);
    const unsupported = await socket.ask({ type: "fly" });
    const internal = await socket.ask({ type: "weather" });
    socket.send({ type: "ping" });
    const limited = await socket.next();
    for (const frame of [unsupported, internal, limited]) expect(unknownMembers(ErrorFrame, frame)).toEqual([]);
    expect([unsupported.code, internal.code, limited.code]).toEqual([
      "UNSUPPORTED_TYPE",
      "INTERNAL_ERROR",
      "RATE_LIMITED",
    ]);
    expect(internal.request_id).toBe(String(gateway.log.errors[0]?.request_id));
  });
});

/** Lets time pass until the drain is over. */
async function over(draining: Promise<void>, clock: ManualClock): Promise<void> {
  let isOver = false;
  void draining.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    clock.advance(250);
    await new Promise(setImmediate);
  }
}

describe("draining", () => {
  test("closes every socket with 1012, once, and then stops", async () => {
    const clock = new ManualClock();
    await using gateway = await startTestGateway({ clock });
    const { token } = await gateway.person();
    const sockets = [await gateway.enter(token), await gateway.enter(token, "role=app")];
    const draining = gateway.gateway.drain("SIGTERM");
    await gateway.gateway.drain("SIGTERM");
    for (const socket of sockets) expect(await socket.closed).toEqual({ code: 1012, reason: "service restart" });
    await over(draining, clock);
    expect(gateway.log.saying("draining")).toMatchObject([{ signal: "SIGTERM", sockets: 2 }]);
    expect(gateway.log.saying("stopped")).toHaveLength(1);
    expect(clock.timers).toBe(0);
    await expect(gateway.connect(`token=${token}`)).rejects.toThrow();
  });

  test("sends what was pushed a moment before", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const socket = await gateway.enter((await gateway.person()).token);
    for (const session of gateway.gateway.registry.all()) session.push('{"type":"last"}');
    await gateway.gateway.drain("SIGTERM");
    expect(await socket.next()).toMatchObject({ type: "last" });
  });

  test("turns newcomers away: 503, and not ready", async () => {
    const transport = new MemoryTransport();
    const clock = new ManualClock();
    await using gateway = await startTestGateway({ transport, clock });
    const { token } = await gateway.person();
    // Somebody who does not see the close keeps the drain waiting.
    await gateway.enter(token);
    const emptied = Promise.withResolvers<void>();
    gateway.gateway.registry.emptied = () => emptied.promise;
    const draining = gateway.gateway.drain("SIGTERM");
    const ready = await gateway.http("GET", "/readyz");
    expect([ready.status, ready.body.code, ready.headers.get("retry-after")]).toEqual([503, "UNAVAILABLE", "5"]);
    expect((await gateway.http("GET", "/healthz")).status).toBe(200);
    await expect(gateway.connect(`token=${token}`)).rejects.toThrow("503");
    emptied.resolve();
    await over(draining, clock);
  });

  test("answers what was asked before it stops, and has whoever asks ask another from then on", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const { id, token } = await gateway.person();
    const taking = Promise.withResolvers<void>();
    const accept = gateway.store.log.accept.bind(gateway.store.log);
    gateway.store.log.accept = async (messages) => {
      await taking.promise;
      return accept(messages);
    };
    const body = { type: "note", message: "the last", user_id: id };
    const pushed = gateway.http("POST", "/api/messages/", { token, body });
    const draining = gateway.gateway.drain("SIGTERM");
    expect((await gateway.http("GET", "/healthz")).headers.get("connection")).toBe("close");
    taking.resolve();
    expect((await pushed).status).toBe(200);
    await draining;
  });

  test("writes when tokens and devices were last used", async () => {
    const clock = new ManualClock();
    await using gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
    const { devices, tokens } = gateway.store;
    const written: unknown[] = [];
    const { id } = await gateway.device();
    const markSeen = devices.markSeen.bind(devices);
    devices.markSeen = (seen) => markSeen(seen).then(() => void written.push(["seen", ...seen.keys()]));
    const markUsed = tokens.markUsed.bind(tokens);
    tokens.markUsed = (used) => markUsed(used).then(() => void written.push(["used", ...used.keys()]));
    await gateway.enter(await gateway.token({ device: id }));
    await over(gateway.gateway.drain("SIGTERM"), clock);
    expect(written).toEqual([["used", 1], ["seen", id]]); // biome-ignore format: pairs
  });
});

describe("starting", () => {
  test("on a port that is taken fails with the system's code", async () => {
    await using gateway = await startTestGateway();
    const port = Number(new URL(gateway.url).port);
    await expect(startTestGateway({ config: { port } })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("says where it listens; an IPv6 address in brackets", async () => {
    await using gateway = await startTestGateway({
      transport: new MemoryTransport(),
      config: { host: "::1", port: 8123 },
    });
    expect(gateway.url).toBe("http://[::1]:8123");
    expect(gateway.log.saying("listening")).toMatchObject([{ url: "http://[::1]:8123" }]);
  });
});

describe("the handshake", () => {
  test("names no subprotocol, whatever is offered", async () => {
    await using gateway = await startTestGateway();
    const { token } = await gateway.person();
    using socket = await RawSocket.open(gateway.url, {
      target: `/ws/device/?token=${token}`,
      headers: { "Sec-WebSocket-Protocol": "chat, superchat" },
    });
    expect(socket.headers["sec-websocket-protocol"]).toBeUndefined();
    expect(JSON.parse(await socket.nextText())).toMatchObject({ type: "connection_status" });
  });

  test("of a foreign page is refused before the upgrade, and noted", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    const { token } = await gateway.person();
    const headers = { origin: "https://evil.example", host: "127.0.0.1:8000" };
    await expect(gateway.connect(`token=${token}`, { headers })).rejects.toThrow("403");
    expect(gateway.log.saying("browser origin refused")).toMatchObject([{ origin: "https://evil.example" }]);
    expect(gateway.gateway.registry.sockets).toBe(0);
  });

  test("is from whom the trusted proxy says", async () => {
    await using gateway = await startTestGateway({
      transport: new MemoryTransport(),
      config: { trustedProxies: ["127.0.0.1"] },
    });
    const { token } = await gateway.person();
    await gateway.connect(`token=${token}`, { headers: { "x-forwarded-for": "1.2.3.4, 203.0.113.9" } });
    expect([...gateway.gateway.registry.all()].map(({ remote }) => remote)).toEqual(["203.0.113.9"]);
  });

  test("of a path that is none of ours is 404", async () => {
    await using gateway = await startTestGateway({ transport: new MemoryTransport() });
    await expect(gateway.connect("/ws/other/")).rejects.toThrow("404");
  });
});
