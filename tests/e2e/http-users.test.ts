import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { companion, issue, issuer, type Person, person, service, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (body: object, token = server.adminToken) => server.api("POST", "/api/users/", { token, body });
const change = (id: number, body: object) => server.api("PATCH", `/api/users/${id}/`, { body });

describe("POST /api/users/", () => {
  test("makes a user: 201, without their password", async () => {
    const username = unique("new");
    expect(expectSuccess(await create({ username, password: "correct horse" }), 201)).toEqual({
      id: expect.any(Number),
      username,
      is_admin: false,
      is_active: true,
      created_at: timestamp,
    });
  });

  test("makes an admin", async () => {
    expect(expectSuccess(await create({ username: unique("boss"), is_admin: true }), 201)).toMatchObject({
      is_admin: true,
    });
  });

  test("of a name that is taken is 409 CONFLICT, also when two come at once", async () => {
    expectFailure(await create({ username: alice.name }), 409, "CONFLICT");
    const username = unique("twice");
    const statuses = (await Promise.all([create({ username }), create({ username })])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([201, 409]);
  });

  const bad: Record<string, object> = {
    "a name that is no text": { username: 7 },
    "a name of 151 characters": { username: "n".repeat(151) },
    "a name with spaces at its ends": { username: " alice" },
    "a name of spaces": { username: "  " },
    "a name with a line end": { username: "ali\nce" },
    "a password that is no text": { username: "x", password: 7 },
    "a password of 1,025 characters": { username: "x", password: "p".repeat(1025) },
    "is_admin that is no boolean": { username: "x", is_admin: "true" },
  };
  for (const [name, body] of Object.entries(bad)) {
    test(`${name} is 422 INVALID_VALUE`, async () => expectFailure(await create(body), 422, "INVALID_VALUE"));
  }

  test("takes names of any language, of up to 150 characters", async () => {
    for (const username of ["小明", "Ünïcode 🐱", "O'Brien; DROP TABLE user", "n".repeat(150)]) {
      expect(expectSuccess(await create({ username }), 201)).toMatchObject({ username });
    }
  });

  test("of an issuer: users, never admins", async () => {
    const token = await issuer(server);
    expectSuccess(await create({ username: unique("issued") }, token), 201);
    expectFailure(await create({ username: unique("issued"), is_admin: true }, token), 403, "FORBIDDEN");
  });

  test("is not for users, devices and other services", async () => {
    const device = await companion(server, alice);
    for (const token of [alice.token, device.token, await service(server)]) {
      expectFailure(await create({ username: unique("no") }, token), 403, "FORBIDDEN");
    }
  });
});

describe("GET /api/users/", () => {
  test("shows an admin everyone in order of id, and a user themselves", async () => {
    const { items, total } = await server.data<{ items: { id: number }[]; total: number }>(
      "GET",
      "/api/users/?limit=1000",
    );
    expect(items.map(({ id }) => id)).toEqual(items.map(({ id }) => id).sort((a, b) => a - b));
    expect(items.length).toBe(total);
    expect(expectSuccess(await server.api("GET", "/api/users/", { token: alice.token }))).toEqual({
      items: [{ id: alice.id, username: alice.name, is_admin: false, is_active: true, created_at: timestamp }],
      total: 1,
    });
  });

  test("{user_id}/ shows one: 404 for nobody, and for others", async () => {
    const own = await server.api("GET", `/api/users/${alice.id}/`, { token: alice.token });
    expect(expectSuccess(own)).toMatchObject({ id: alice.id, username: alice.name });
    expectFailure(await server.api("GET", "/api/users/999999/"), 404, "NOT_FOUND");
    const other = await server.api("GET", `/api/users/${server.adminId}/`, { token: alice.token });
    expectFailure(other, 404, "NOT_FOUND");
  });
});

describe("PATCH /api/users/{user_id}/", () => {
  test("renames, disables, enables, and makes an admin", async () => {
    const { id } = await person(server);
    const username = unique("renamed");
    for (const body of [
      { username },
      { is_active: false },
      { is_active: true },
      { is_admin: true },
      { is_admin: false },
    ]) {
      expect(expectSuccess(await change(id, body))).toMatchObject({ id, ...body });
    }
    expect(expectSuccess(await change(id, {}))).toMatchObject({ id, username, is_active: true, is_admin: false });
  });

  test("takes effect with the next request: a user who is no admin any more is none", async () => {
    const boss = await person(server, { is_admin: true });
    const path = "/api/online-users/";
    const seesAll = async () => {
      using _other = await TestSocket.open(server.wsUrl, alice);
      const { users } = expectSuccess(await server.api("GET", path, boss)) as { users: number[] };
      return users.includes(alice.id);
    };
    expect(await seesAll()).toBe(true);
    await change(boss.id, { is_admin: false });
    expect(await seesAll()).toBe(false);
    expectFailure(await server.api("DELETE", `/api/users/${alice.id}/`, boss), 403, "FORBIDDEN");
    await change(boss.id, { is_admin: true });
    expect(await seesAll()).toBe(true);
  });

  test("takes effect with the next push: the sender has the new name", async () => {
    const user = await person(server);
    using socket = await TestSocket.open(server.wsUrl, user);
    const push = { token: user.token, body: { message: "hi", ttl: 0 } };
    await server.api("POST", `/api/users/${user.id}/messages/`, push);
    expect(await socket.next()).toMatchObject({ sender: user.name });
    const username = unique("renamed");
    await change(user.id, { username });
    await server.api("POST", `/api/users/${user.id}/messages/`, push);
    expect(await socket.next()).toMatchObject({ sender: username });
  });

  test("lets a user who was disabled in again once enabled", async () => {
    const user = await person(server);
    await change(user.id, { is_active: false });
    expect((await server.api("GET", "/api/users/", user)).status).toBe(401);
    await change(user.id, { is_active: true });
    expect((await server.api("GET", "/api/users/", user)).status).toBe(200);
    using socket = await TestSocket.open(server.wsUrl, user);
    expect(socket.greeting.user_id).toBe(String(user.id));
  });

  test("is 404 for nobody, 409 for a taken name, 422 for bad values", async () => {
    expectFailure(await change(999_999, { is_active: true }), 404, "NOT_FOUND");
    expectFailure(await change(999_999, {}), 404, "NOT_FOUND");
    expectFailure(await change((await person(server)).id, { username: alice.name }), 409, "CONFLICT");
    for (const body of [{ username: "" }, { username: null }, { is_active: 1 }, { is_admin: null }]) {
      expectFailure(await change(alice.id, body), 422, "INVALID_VALUE");
    }
  });

  test("is for admins alone, also for one's own name", async () => {
    for (const token of [alice.token, await service(server), await issuer(server)]) {
      const answer = await server.api("PATCH", `/api/users/${alice.id}/`, { token, body: { username: "mine" } });
      expectFailure(answer, 403, "FORBIDDEN");
    }
  });
});

describe("DELETE /api/users/{user_id}/", () => {
  test("erases a user with their tokens; their devices become nobody's; the id is never used again", async () => {
    const user = await person(server);
    const device = await companion(server, user, { is_primary: true });
    const { id: tokenId } = await issue(server, { user_id: user.id });
    using socket = await TestSocket.open(server.wsUrl, device);

    expect(expectSuccess(await server.api("DELETE", `/api/users/${user.id}/`))).toEqual({ id: user.id });
    for (const path of [`/api/users/${user.id}/`, `/api/tokens/${tokenId}/`]) {
      expectFailure(await server.api("GET", path), 404, "NOT_FOUND");
    }
    expect(await server.data("GET", `/api/devices/${device.id}/`)).toMatchObject({ user_id: null, is_primary: false });
    // The device is to come back, as one that nobody owns.
    expect((await socket.ended()).code).toBe(1012);
    using again = await TestSocket.open(server.wsUrl, device);
    expect(again.greeting).toMatchObject({ user_id: null, device_id: device.id });
    expectFailure(await server.api("DELETE", `/api/users/${user.id}/`), 404, "NOT_FOUND");
    expect((await person(server)).id).toBeGreaterThan(user.id);
  });
});
