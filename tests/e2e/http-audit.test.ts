import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { routes } from "@qy-lty/server/http/routes.ts";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { companion, issue, issuer, person, service, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Entry {
  readonly id: number;
  readonly who: string;
  readonly what: string;
  readonly subject: Readonly<Record<string, unknown>>;
  readonly request_id: string | null;
}

const read = async (query = "?limit=1000") =>
  expectSuccess(await server.api("GET", `/api/audit/${query}`)) as { items: Entry[]; total: number };

describe("GET /api/audit/", () => {
  test("tells who changed what, newest first, with the request that asked for it", async () => {
    const answer = await server.api("POST", "/api/users/", { body: { username: unique("new"), password: "hunter22" } });
    const { id } = expectSuccess(answer, 201) as { id: number };
    expectSuccess(await server.api("PATCH", `/api/users/${id}/`, { body: { password: "hunter23", is_active: false } }));
    expectSuccess(await server.api("DELETE", `/api/users/${id}/`));
    const { items } = await read("?limit=3");
    expect(items.map(({ what, subject }) => [what, subject])).toEqual([
      ["user erased", { user_id: id }],
      ["user changed", { user_id: id, fields: ["password", "is_active"] }],
      ["user created", { user_id: id }],
    ]);
    expect(items[2]).toEqual({
      ...{ id: expect.any(Number), at: timestamp, who: expect.stringMatching(/^user:\d+$/), what: "user created" },
      ...{ subject: { user_id: id }, request_id: answer.headers.get("x-request-id") },
    } as never);
    expect(JSON.stringify(await read())).not.toContain("hunter");
  });

  test("knows an issuer's changes too, and what happens to tokens, devices, connections and the queue", async () => {
    const token = await issuer(server);
    expectSuccess(await server.api("POST", "/api/devices/", { token, body: { name: "speaker" } }), 201);
    const { items } = await read("?limit=1");
    expect(items[0]).toMatchObject({ what: "device created", who: expect.stringMatching(/^service:\d+$/) });
    expectSuccess(await server.api("DELETE", "/api/queue/"));
    expect((await read("?limit=1")).items[0]).toMatchObject({ what: "queue cleared", subject: {} });
  });

  test("has an entry of every route that changes anything", async () => {
    const user = await person(server);
    const { id: device_id } = await companion(server, user);
    using socket = await TestSocket.open(server.wsUrl, user);
    const made = await issue(server, { user_id: user.id });
    const changing: Readonly<Record<string, readonly [path: string, what: string, subject: object, body?: object]>> = {
      "POST /api/users/": ["/api/users/", "user created", {}, { username: unique("noted") }],
      "PATCH /api/users/{user_id}/": [
        `/api/users/${user.id}/`,
        "user changed",
        { user_id: user.id },
        { is_admin: false },
      ],
      "POST /api/devices/": ["/api/devices/", "device created", { user_id: user.id }, { name: "x", user_id: user.id }],
      "PATCH /api/devices/{device_id}/": [`/api/devices/${device_id}/`, "device changed", { device_id }, { name: "y" }],
      "POST /api/tokens/": ["/api/tokens/", "token created", { device_id, kind: "device" }, { device_id }],
      "DELETE /api/tokens/{token_id}/": [`/api/tokens/${made.id}/`, "token revoked", { token_id: made.id }],
      "DELETE /api/connections/{session_id}/": [
        `/api/connections/${socket.sessionId}/`,
        "connection closed",
        { session_id: socket.sessionId },
      ],
      "DELETE /api/queue/": ["/api/queue/", "queue cleared", {}],
      "DELETE /api/devices/{device_id}/": [`/api/devices/${device_id}/`, "device erased", { device_id }],
      "DELETE /api/users/{user_id}/": [`/api/users/${user.id}/`, "user erased", { user_id: user.id }],
    };
    for (const [route, [path, what, subject, body]] of Object.entries(changing)) {
      const answer = await server.api(route.split(" ")[0] ?? "", path, body && { body });
      expect([route, answer.body.status]).toEqual([route, "success"]);
      const [entry] = (await read("?limit=1")).items;
      expect(entry).toMatchObject({ what, subject, request_id: answer.headers.get("x-request-id") } as never);
    }
    // What is said, and credentials for oneself, change nothing of anybody's.
    const forOneself = ["/api/tickets/", "/api/login/"];
    const saying = routes.filter(({ tag, path }) => tag === "Push" || forOneself.includes(path));
    const others = ["POST /api/queue/", ...saying.map(({ method, path }) => `${method.toUpperCase()} ${path}`)];
    const all = routes
      .filter(({ method }) => method !== "get")
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(all.filter((route) => !others.includes(route)).sort()).toEqual(Object.keys(changing).sort());
  });

  test("comes in pages", async () => {
    const { items, total } = await read();
    expect(total).toBeGreaterThanOrEqual(items.length);
    expect((await read("?limit=2&offset=1")).items).toEqual(items.slice(1, 3));
  });

  test("is for admins alone", async () => {
    const user = await person(server);
    for (const token of [
      user.token,
      (await companion(server, user)).token,
      await service(server),
      await issuer(server),
    ]) {
      expectFailure(await server.api("GET", "/api/audit/", { token }), 403, "FORBIDDEN");
    }
  });
});
