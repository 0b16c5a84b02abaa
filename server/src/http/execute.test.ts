import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway, type TestGatewayOptions } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";

async function start(options: TestGatewayOptions = {}) {
  const clock = new ManualClock();
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock, ...options });
  return { clock, gateway, admin: await gateway.person({ isAdmin: true }) };
}

/** A body that comes in pieces, without its length announced. */
function pieces(...parts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(stream) {
      for (const part of parts) stream.enqueue(new TextEncoder().encode(part));
      stream.close();
    },
  });
}

describe("a body", () => {
  const KIB_64 = 64 * 1024;
  const user = (length: number) => `{"username":"anna","filler":"${"x".repeat(length - 31)}"}`;

  const sizes: [string, string[], number][] = [
    ["64 KiB", [user(KIB_64)], 201],
    ["one byte more", [user(KIB_64 + 1)], 413],
    ["64 KiB in pieces", [user(KIB_64).slice(0, 40_000), user(KIB_64).slice(40_000)], 201],
    ["one byte more in pieces", [user(KIB_64 + 1).slice(0, 40_000), user(KIB_64 + 1).slice(40_000)], 413],
    ["a piece without end", Array.from({ length: 100 }, () => "x".repeat(10_000)), 413],
  ];
  for (const [size, parts, status] of sizes) {
    test(`of ${size} is answered with ${status}`, async () => {
      const { gateway, admin } = await start();
      await using _gateway = gateway;
      const body = parts.length === 1 ? (parts[0] ?? "") : pieces(...parts);
      const headers = { authorization: `Bearer ${admin.token}` };
      const request = new Request(`${gateway.url}/api/users/`, { method: "POST", headers, body });
      expect((await (gateway.transport as MemoryTransport).fetch(request)).status).toBe(status);
    });
  }

  test.each([
    ["nothing at all", "", 400, "MISSING_PARAMETER"],
    ["an empty object", "{}", 400, "MISSING_PARAMETER"],
    ["null where it is required", '{"username":null}', 400, "MISSING_PARAMETER"],
    ["empty where it is required", '{"username":""}', 400, "MISSING_PARAMETER"],
    ["required from the prototype", '{"__proto__":{"username":"anna"}}', 400, "MISSING_PARAMETER"],
    ["no JSON", "{", 400, "INVALID_BODY"],
    ["an array", '[{"username":"anna"}]', 400, "INVALID_BODY"],
    ["null", "null", 400, "INVALID_BODY"],
    ["a string", '"anna"', 400, "INVALID_BODY"],
    ["of another type", '{"username":7}', 422, "INVALID_VALUE"],
    ["nested too deeply", `{"username":"anna","x":${"[".repeat(32)}${"]".repeat(32)}}`, 422, "INVALID_VALUE"],
    ["nested beyond all bounds", "[".repeat(60_000), 400, "INVALID_BODY"],
    ["with what nobody asked for", '{"username":"anna","shoe":44}', 201, undefined],
  ])("%s", async (_, body, status, code) => {
    const { gateway, admin } = await start();
    await using _gateway = gateway;
    const answer = await gateway.http("POST", "/api/users/", { token: admin.token, body });
    expect([answer.status, answer.body.code]).toEqual([status, code as never]);
  });
});

describe("a failure of ours", () => {
  test("is a bare 500, which the log knows by the same id", async () => {
    const { gateway, admin } = await start({ expectsErrors: true });
    await using _gateway = gateway;
    gateway.store.users.find = () => Promise.reject(new Error("the password is hunter2"));
    const answer = await gateway.http("GET", "/api/users/1/", { token: admin.token });
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      status: "error",
      message: "Internal server error",
      code: "INTERNAL_ERROR",
      request_id: expect.any(String),
    } as never);
    expect(answer.headers.get("x-request-id")).toBe(String(answer.body.request_id));
    expect(gateway.log.errors).toMatchObject([{ msg: "internal error", request_id: answer.body.request_id }]);
    expect(gateway.log.text).toContain("hunter2");
  });
});

describe("a slow request", () => {
  test.each([
    [1_000, 0],
    [1_001, 1],
  ])("of %p ms makes %p warnings", async (durationMs, warnings) => {
    const { gateway, clock, admin } = await start();
    await using _gateway = gateway;
    const { users } = gateway.store;
    const find = users.find.bind(users);
    users.find = (id) => {
      clock.advance(durationMs);
      return find(id);
    };
    await gateway.http("GET", "/api/users/1/", { token: admin.token });
    expect(gateway.log.saying("slow operation")).toMatchObject(
      Array.from({ length: warnings }, () => ({
        level: 40,
        operation: "GET /api/users/{user_id}/",
        duration_ms: durationMs,
      })),
    );
  });
});

describe("the rate", () => {
  test("is 4 times a connection's, over requests and frames together", async () => {
    const { gateway } = await start({ config: { rateLimitMessages: 2, rateLimitWindowS: 8 } });
    await using _gateway = gateway;
    const { token } = await gateway.person();
    const status = async () => await gateway.http("GET", "/api/online-users/", { token });
    const socket = await gateway.enter(token);
    await socket.ask({ type: "ping" });
    for (let i = 0; i < 7; i++) expect((await status()).status).toBe(200);
    const refused = await status();
    expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([429, "RATE_LIMITED", "1"]);
    socket.send({ type: "ping" });
    expect(await socket.next()).toMatchObject({ code: "RATE_LIMITED", retry_after_ms: 1_000 });
    const other = await gateway.person();
    expect((await gateway.http("GET", "/api/online-users/", { token: other.token })).status).toBe(200);
  });

  test("does not concern who is not known", async () => {
    const { gateway } = await start({ config: { rateLimitMessages: 1 } });
    await using _gateway = gateway;
    for (let i = 0; i < 20; i++) expect((await gateway.http("GET", "/api/users/")).status).toBe(401);
    for (let i = 0; i < 20; i++) expect((await gateway.http("GET", "/healthz")).status).toBe(200);
  });
});
