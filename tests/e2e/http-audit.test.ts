import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { companion, issuer, person, service, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";

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
