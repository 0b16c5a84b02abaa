import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess } from "./support/expect.ts";
import { issuer, person, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const make = (path: string, body: object, key: string, token = server.adminToken) =>
  server.api("POST", path, { token, body, headers: { "idempotency-key": key } });
const idOf = (answer: Parameters<typeof expectSuccess>[0]) => (expectSuccess(answer, 201) as { id: number }).id;
const changes = async () =>
  expectSuccess(await server.api("GET", "/api/audit/?limit=1000")) as {
    items: { what: string; subject: Record<string, unknown>; request_id: string | null }[];
  };

describe("with an idempotency key", () => {
  test("a user and a device are made once, also when asked at once and after a restart, and noted once", async () => {
    const username = unique("once");
    const cases = [
      ["/api/users/", { username, password: "correct horse" }, "user created", "user_id"],
      ["/api/devices/", { name: "speaker" }, "device created", "device_id"],
    ] as const;
    const made: number[] = [];
    for (const [path, body] of cases) {
      const ids = (await Promise.all(Array.from({ length: 20 }, () => make(path, body, `once ${path}`)))).map(idOf);
      expect(new Set(ids).size).toBe(1);
      made.push(ids[0] ?? 0);
    }
    await server.restart("SIGKILL");
    for (const [index, [path, body, what, subject]] of cases.entries()) {
      expect(idOf(await make(path, body, `once ${path}`))).toBe(made[index] ?? 0);
      const noted = (await changes()).items.filter(
        (entry) => entry.what === what && entry.subject[subject] === made[index],
      );
      expect(noted).toHaveLength(1);
      expect(noted[0]?.request_id).toMatch(/./);
    }
  });

  test("in the body too; for something else it is 409 CONFLICT, of another caller a key of its own", async () => {
    const token = await issuer(server);
    const body = { name: "speaker", idempotency_key: "mine" };
    const post = (more: object, by = server.adminToken) =>
      server.api("POST", "/api/devices/", { token: by, body: { ...body, ...more } });
    const id = idOf(await post({}));
    expect(idOf(await post({}))).toBe(id);
    expect(idOf(await post({}, token))).not.toBe(id);
    for (const more of [{ name: "lamp" }, { serial: "S1" }, { user_id: (await person(server)).id }])
      expectFailure(await post(more), 409, "CONFLICT");
    expectFailure(await make("/api/devices/", { name: "x" }, "k".repeat(256)), 422, "INVALID_VALUE");
  });

  test("what was erased is not made again", async () => {
    const id = idOf(await make("/api/devices/", { name: "gone" }, "gone"));
    expectSuccess(await server.api("DELETE", `/api/devices/${id}/`));
    expectFailure(await make("/api/devices/", { name: "gone" }, "gone"), 409, "CONFLICT");
  });
});
