import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { companion, issuer, type Person, person, service, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob] = await Promise.all([person(server), person(server)]);
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (body: object, token = server.adminToken) => server.api("POST", "/api/devices/", { token, body });
const change = (id: number, body: object, token = server.adminToken) =>
  server.api("PATCH", `/api/devices/${id}/`, { token, body });
const read = (id: number) => server.data("GET", `/api/devices/${id}/`);

describe("POST /api/devices/", () => {
  test("makes a device of nobody: 201", async () => {
    expect(expectSuccess(await create({ name: "speaker" }), 201)).toEqual({
      id: expect.any(Number),
      name: "speaker",
      serial: null,
      user_id: null,
      is_primary: false,
      online: false,
      last_seen: null,
    });
  });

  test("makes one that is bound, primary, with a serial; nulls are as good as absent", async () => {
    const body = { name: "speaker", serial: unique("SN"), user_id: String(alice.id), is_primary: true };
    expect(expectSuccess(await create(body), 201)).toMatchObject({ ...body, user_id: alice.id });
    const nulls = { name: "speaker", serial: null, user_id: null };
    expect(expectSuccess(await create(nulls), 201)).toMatchObject(nulls);
  });

  test("of a serial that is taken is 409 CONFLICT; names may repeat", async () => {
    const serial = unique("SN");
    expectSuccess(await create({ name: "one", serial }), 201);
    expectFailure(await create({ name: "two", serial }), 409, "CONFLICT");
    expectSuccess(await create({ name: "one" }), 201);
  });

  test("for a user who does not exist is 404", async () =>
    expectFailure(await create({ name: "speaker", user_id: 999_999 }), 404, "NOT_FOUND"));

  const bad: Record<string, object> = {
    "primary, of nobody": { name: "x", is_primary: true },
    "a name that is no text": { name: 7 },
    "a name with a control character": { name: "a\u0000b" },
    "an empty serial": { name: "x", serial: "" },
    "a serial of 101 characters": { name: "x", serial: "s".repeat(101) },
    "a user id that is none": { name: "x", user_id: "me" },
    "is_primary that is no boolean": { name: "x", is_primary: 1 },
  };
  for (const [name, body] of Object.entries(bad)) {
    test(`${name} is 422 INVALID_VALUE`, async () => expectFailure(await create(body), 422, "INVALID_VALUE"));
  }

  test("of an issuer: for anyone but an admin, whose messages it would see", async () => {
    const token = await issuer(server);
    expectSuccess(await create({ name: "speaker", user_id: alice.id }, token), 201);
    expectFailure(await create({ name: "speaker", user_id: server.adminId }, token), 403, "FORBIDDEN");
  });

  test("is not for users and other services", async () => {
    for (const token of [alice.token, await service(server)]) {
      expectFailure(await create({ name: "mine" }, token), 403, "FORBIDDEN");
    }
  });
});

describe("a user has one primary device:", () => {
  test("the new one takes the place of the old one, whichever way it comes", async () => {
    const user = await person(server);
    const first = await companion(server, user, { is_primary: true });
    const second = await companion(server, user, { is_primary: true });
    expect([await read(first.id), await read(second.id)]).toMatchObject([{ is_primary: false }, { is_primary: true }]);
    await change(first.id, { is_primary: true });
    expect([await read(first.id), await read(second.id)]).toMatchObject([{ is_primary: true }, { is_primary: false }]);
  });

  test("a device that changes hands is nobody's primary, unless that is said", async () => {
    const [one, two] = await Promise.all([person(server), person(server)]);
    const device = await companion(server, one, { is_primary: true });
    expect(expectSuccess(await change(device.id, { user_id: two.id }))).toMatchObject({ is_primary: false });
    expect(expectSuccess(await change(device.id, { user_id: one.id, is_primary: true }))).toMatchObject({
      is_primary: true,
    });
    expect(expectSuccess(await change(device.id, { user_id: null }))).toMatchObject({
      user_id: null,
      is_primary: false,
    });
  });
});

describe("GET /api/devices/", () => {
  test("shows an admin all of them, and a user their own", async () => {
    const user = await person(server);
    const own = [await companion(server, user), await companion(server, user)];
    const { items, total } = expectSuccess(await server.api("GET", "/api/devices/", user)) as {
      items: { id: number }[];
      total: number;
    };
    expect(items.map(({ id }) => id)).toEqual(own.map(({ id }) => id));
    expect(total).toBe(2);
    expect((await server.data("GET", "/api/devices/?limit=1")).total).toBeGreaterThan(2);
  });

  test("{device_id}/ shows one: 404 for none, for others' and for nobody's", async () => {
    const [own, foreign, unowned] = [
      await companion(server, alice),
      await companion(server, bob),
      await companion(server),
    ];
    const get = (id: number) => server.api("GET", `/api/devices/${id}/`, { token: alice.token });
    expect(expectSuccess(await get(own.id))).toMatchObject({ id: own.id, user_id: alice.id });
    for (const id of [foreign.id, unowned.id, 999_999]) expectFailure(await get(id), 404, "NOT_FOUND");
  });

  test("says who is online, and since when not", async () => {
    const device = await companion(server, alice);
    expect(await read(device.id)).toMatchObject({ online: false, last_seen: null });
    const socket = await TestSocket.open(server.wsUrl, device);
    expect(await read(device.id)).toMatchObject({ online: true, last_seen: timestamp });
    await server.data("DELETE", `/api/connections/${socket.sessionId}/`);
    expect(await read(device.id)).toMatchObject({ online: false, last_seen: timestamp });
  });
});

describe("PATCH /api/devices/{device_id}/", () => {
  test("renames, changes the serial, binds and unbinds; what is left out stays", async () => {
    const { id } = await companion(server);
    const serial = unique("SN");
    for (const body of [
      { name: "kitchen" },
      { serial },
      { user_id: alice.id },
      { is_primary: true },
      {},
      { user_id: null },
    ]) {
      expect(expectSuccess(await change(id, body))).toMatchObject({ id, ...body });
    }
    expect(await read(id)).toMatchObject({ name: "kitchen", serial, user_id: null, is_primary: false });
    expect(expectSuccess(await change(id, { serial: null }))).toMatchObject({ serial: null });
  });

  test("is 404 for no such device and no such user, 409 for a taken serial, 422 for bad values", async () => {
    const [one, two] = [await companion(server), await companion(server)];
    await change(one.id, { serial: unique("SN") });
    const { serial } = await read(one.id);
    expectFailure(await change(999_999, { name: "x" }), 404, "NOT_FOUND");
    expectFailure(await change(two.id, { user_id: 999_999 }), 404, "NOT_FOUND");
    expectFailure(await change(two.id, { serial: serial as string }), 409, "CONFLICT");
    for (const body of [{ name: "" }, { name: null }, { user_id: "x" }, { is_primary: true }, { is_primary: null }]) {
      expectFailure(await change(two.id, body), 422, "INVALID_VALUE");
    }
  });

  test("is for admins alone", async () => {
    const { id } = await companion(server, alice);
    for (const token of [alice.token, await service(server), await issuer(server)]) {
      expectFailure(await change(id, { name: "mine" }, token), 403, "FORBIDDEN");
    }
  });
});

describe("DELETE /api/devices/{device_id}/", () => {
  test("erases a device with its tokens; the id is never used again", async () => {
    const device = await companion(server, alice);
    expect(expectSuccess(await server.api("DELETE", `/api/devices/${device.id}/`))).toEqual({ id: device.id });
    expectFailure(await server.api("GET", `/api/devices/${device.id}/`), 404, "NOT_FOUND");
    expectFailure(await server.api("DELETE", `/api/devices/${device.id}/`), 404, "NOT_FOUND");
    expectFailure(await server.api("POST", "/api/tickets/", { ...device, body: {} }), 401, "UNAUTHENTICATED");
    expect((await companion(server)).id).toBeGreaterThan(device.id);
  });
});
