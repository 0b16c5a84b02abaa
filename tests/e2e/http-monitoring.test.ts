import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { routes } from "@qy-lty/server/http/routes.ts";
import { expectFailure, expectSuccess } from "./support/expect.ts";
import { scrape } from "./support/metrics.ts";
import { type Person, person, service } from "./support/people.ts";
import { FROM_ELSEWHERE } from "./support/permissions.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start({ LTY_LOG_LEVEL: "debug" });
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Lines of the log that have come so far. */
const logged = () =>
  server.output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const metrics = (token: string | null, headers: Record<string, string> = {}) =>
  server.api("GET", "/metrics", { token, headers });

describe("GET /metrics", () => {
  test("is the text format of Prometheus, for anyone on the machine", async () => {
    for (const token of [null, alice.token, server.adminToken, "nonsense"]) {
      const { status, headers, text } = await metrics(token);
      expect(status).toBe(200);
      expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(text).toContain("# TYPE lty_connections gauge\n");
    }
  });

  test.each([
    ["x-forwarded-for", "203.0.113.9"],
    ["x-forwarded-for", "127.0.0.1"],
    ["forwarded", "for=127.0.0.1"],
    ["x-real-ip", "127.0.0.1"],
    ["host", "attacker.example"],
  ])("is for admins when it was asked for from elsewhere: %s: %s", async (name, value) => {
    expectFailure(await metrics(null, { [name]: value }), 401, "UNAUTHENTICATED");
    for (const token of [alice.token, await service(server)]) {
      expectFailure(await metrics(token, { [name]: value }), 403, "FORBIDDEN");
    }
    expect((await metrics(server.adminToken, { [name]: value })).status).toBe(200);
  });

  test("goes by the client's address behind a trusted proxy", async () => {
    await using proxied = await TestServer.start({ LTY_TRUSTED_PROXIES: "127.0.0.0/8" });
    const ask = (headers: Record<string, string>) => proxied.api("GET", "/metrics", { token: null, headers });
    expectFailure(await ask(FROM_ELSEWHERE), 401, "UNAUTHENTICATED");
    expectFailure(await ask({ "x-forwarded-for": "127.0.0.1" }), 401, "UNAUTHENTICATED");
    expect((await ask({})).status).toBe(200);
  });

  test("counts what happens", async () => {
    const before = await scrape(server);
    const grown = async (series: string) => ((await scrape(server)).get(series) ?? 0) - (before.get(series) ?? 0);
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
    await socket.ask({ type: "ping" });
    await socket.ask({ type: "weather" });
    await server.api("POST", "/api/messages/", {
      token: alice.token,
      body: { user_id: alice.id, type: "note", message: "hi" },
    });
    await server.api("GET", "/api/users/999999/");
    expect(await grown('lty_connections{role="app"}')).toBe(1);
    expect(await grown('lty_frames_received_total{type="ping"}')).toBe(1);
    expect(await grown('lty_frames_sent_total{type="weather_response"}')).toBe(1);
    expect(await grown('lty_pushes_total{outcome="accepted"}')).toBe(1);
    expect(await grown('lty_errors_total{over="http",code="NOT_FOUND"}')).toBe(1);
    expect(await grown('lty_operation_errors_total{operation="GET /api/users/{user_id}/"}')).toBe(1);
    expect((await scrape(server)).get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  });

  test("makes no series of what a peer sends", async () => {
    // Whoever leaves late is counted by a series of its own.
    while ((await scrape(server)).get('lty_connections{role="app"}') !== 0) {}
    const before = (await scrape(server)).size;
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
    for (let n = 0; n < 20; n++) await socket.ask({ type: `made-up-${n}` });
    for (let n = 0; n < 20; n++) await server.api("GET", `/made-up-${n}`);
    expect((await scrape(server)).size).toBe(before);
  });
});

describe("GET /api/performance/", () => {
  const figures = {
    count: expect.any(Number),
    errors: expect.any(Number),
    p50_ms: expect.any(Number),
    p95_ms: expect.any(Number),
    p99_ms: expect.any(Number),
    max_ms: expect.any(Number),
  };
  type Row = { operation: string; recent: Record<string, number> } & Record<string, number>;
  const rows = async () =>
    (expectSuccess(await server.api("GET", "/api/performance/")) as { operations: Row[] }).operations;

  test("has a row for what was asked for, over sockets and HTTP, and no other", async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token });
    await socket.ask({ type: "sing", message: { song: "a" } });
    await socket.ask({ type: "sing", message: 7 });
    await server.api("GET", "/api/users/");
    await server.api("GET", "/api/nowhere/");
    const all = await rows();
    for (const row of all) expect(row).toEqual({ operation: expect.any(String), ...figures, recent: figures } as never);
    const named = (name: string) => all.find(({ operation }) => operation === name);
    expect(named("sing")).toMatchObject({ count: 2, errors: 1, recent: { count: 2, errors: 1 } } as never);
    expect(named("GET /api/users/")?.count).toBeGreaterThan(0);
    const known = new Set(routes.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    const skills = all.filter(({ operation }) => !known.has(operation)).map(({ operation }) => operation);
    for (const skill of skills) expect(["ping", "chat_message", "weather", "sing", "dance"]).toContain(skill);
  });

  test("remembers the last 100 apart from all", async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token });
    for (let n = 0; n < 120; n++) await socket.ask({ type: "dance" });
    const dance = (await rows()).find(({ operation }) => operation === "dance");
    expect([dance?.count, dance?.recent.count]).toEqual([120, 100]);
    const ascending = [dance?.p50_ms ?? 0, dance?.p95_ms ?? 0, dance?.p99_ms ?? 0, dance?.max_ms ?? 0];
    expect(ascending).toEqual(ascending.toSorted((a, b) => a - b));
  });
});

describe("x-request-id", () => {
  test.each([
    ["GET", "/healthz", 200],
    ["GET", "/metrics", 200],
    ["GET", "/docs", 200],
    ["GET", "/openapi.json", 200],
    ["GET", "/api/users/", 200],
    ["POST", "/api/messages/", 400],
    ["GET", "/nowhere", 404],
    ["PUT", "/api/users/", 405],
    ["GET", "/ws/device/", 426],
  ])("stands on %s %s (%p)", async (method, path, status) => {
    const answer = await server.api(method, path, method === "POST" ? { body: {} } : {});
    expect(answer.status).toBe(status);
    const id = answer.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    if (status >= 400) expect(answer.body.request_id).toBe(id as string);
  });

  test("is in the log with what went wrong, which has no bodies", async () => {
    const secret = "do-not-log-this-text";
    const answer = await server.api("POST", "/api/messages/", {
      body: { user_id: 999_999, type: "note", message: secret },
    });
    expectFailure(answer, 404, "NOT_FOUND");
    const id = answer.headers.get("x-request-id");
    // What is logged before a request is answered may be read after it.
    while (!server.output.includes(String(id))) await server.api("GET", "/healthz");
    expect(logged().filter(({ request_id }) => request_id === id)).toMatchObject([
      { level: 20, operation: "POST /api/messages/", code: "NOT_FOUND", msg: "request failed" },
    ]);
    expect(server.output).not.toContain(secret);
  });
});
