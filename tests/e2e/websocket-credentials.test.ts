import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, issue, type Person, person, ticketFor } from "./support/people.ts";
import { refusalOf, wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob] = await Promise.all([person(server), person(server)]);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Whose socket it becomes. */
async function userOf(introduction: Introduction): Promise<unknown> {
  using socket = await TestSocket.open(server.wsUrl, introduction);
  return socket.greeting.user_id;
}

describe("a credential may be carried as", () => {
  const carriers: Record<string, (token: string) => Introduction> = {
    "Authorization: Bearer": (token) => ({ headers: { authorization: `Bearer ${token}` } }),
    "Authorization: Token": (token) => ({ headers: { authorization: `Token ${token}` } }),
    "Authorization: bearer, for schemes know no case": (token) => ({ headers: { authorization: `bearer ${token}` } }),
    "?token=": (token) => ({ query: { token } }),
    "?token= without a trailing slash": (token) => ({ path: "/ws/device", query: { token } }),
    "a path": (token) => ({ path: `/ws/device/token/${token}/` }),
    "a path without a trailing slash": (token) => ({ path: `/ws/device/token/${token}` }),
    "?token= on the user's own path": (token) => ({ path: `/ws/device/${alice.id}/`, query: { token } }),
    "a header on the user's own path": (token) => ({ path: `/ws/device/${alice.id}`, token }),
  };
  for (const [name, carrier] of Object.entries(carriers)) {
    test(name, async () => {
      expect(await userOf(carrier(alice.token))).toBe(String(alice.id));
    });
  }

  test("?ticket=", async () => {
    expect(await userOf({ query: { ticket: await ticketFor(server, alice.token) } })).toBe(String(alice.id));
  });
});

describe("the first credential found wins", () => {
  type Carriers = { header?: string; ticket?: string; token?: string; path?: string };
  const introduce = ({ header, ticket, token, path }: Carriers): Introduction => ({
    ...(header && { token: header }),
    ...(path && { path: `/ws/device/token/${path}/` }),
    query: { ...(ticket && { ticket }), ...(token && { token }) },
  });

  test("the header over ticket, query and path", async () => {
    const ticket = await ticketFor(server, bob.token);
    const rest = { ticket, token: bob.token, path: bob.token };
    expect(await userOf(introduce({ header: alice.token, ...rest }))).toBe(String(alice.id));
    expect(await refusalOf(server, introduce({ header: wrongToken(), ...rest }))).toEqual(["UNAUTHENTICATED", 4001]);
    // It was never looked at: it is still good.
    expect(await userOf({ query: { ticket } })).toBe(String(bob.id));
  });

  test("the ticket over query and path", async () => {
    const rest = { token: bob.token, path: bob.token };
    const ticket = await ticketFor(server, alice.token);
    expect(await userOf(introduce({ ticket, ...rest }))).toBe(String(alice.id));
    expect(await refusalOf(server, introduce({ ticket: "ltk_wrong", ...rest }))).toEqual(["UNAUTHENTICATED", 4001]);
  });

  test("the query over the path", async () => {
    expect(await userOf(introduce({ token: alice.token, path: bob.token }))).toBe(String(alice.id));
    expect(await refusalOf(server, introduce({ token: wrongToken(), path: bob.token }))).toEqual([
      "UNAUTHENTICATED",
      4001,
    ]);
  });

  const empty: Record<string, Introduction> = {
    "an empty ?token=": { query: { token: "" } },
    "an empty ?ticket=": { query: { ticket: "" } },
    "a header of another scheme": { headers: { authorization: "Basic dXNlcjpwYXNz" } },
    "a header without a token": { headers: { authorization: "Bearer " } },
  };
  for (const [name, introduction] of Object.entries(empty)) {
    test(`${name} is none, so that the path is looked at`, async () => {
      expect(await userOf({ ...introduction, path: `/ws/device/token/${alice.token}/` })).toBe(String(alice.id));
    });
  }
});

describe("a ticket", () => {
  test("is good once", async () => {
    const query = { ticket: await ticketFor(server, alice.token) };
    expect(await userOf({ query })).toBe(String(alice.id));
    expect(await refusalOf(server, { query })).toEqual(["UNAUTHENTICATED", 4001]);
  });

  test("is good once, also when two come at the same time", async () => {
    const query = { ticket: await ticketFor(server, alice.token) };
    using one = TestSocket.knock(server.wsUrl, { query });
    using two = TestSocket.knock(server.wsUrl, { query });
    const types = (await Promise.all([one.next(), two.next()])).map((frame) => frame.type);
    expect(types.sort()).toEqual(["connection_status", "error"]);
  });

  test("for a device of one's own opens the socket as that device", async () => {
    const device = await companion(server, alice);
    using socket = await TestSocket.open(server.wsUrl, {
      query: { ticket: await ticketFor(server, alice.token, device.id) },
    });
    expect(socket.greeting).toMatchObject({ user_id: String(alice.id), device_id: device.id });
  });

  test("of an admin may be for any device", async () => {
    const device = await companion(server, alice);
    using socket = await TestSocket.open(server.wsUrl, {
      query: { ticket: await ticketFor(server, server.adminToken, device.id) },
    });
    expect(socket.greeting).toMatchObject({ user_id: String(alice.id), device_id: device.id });
  });

  test("of a device is that device's", async () => {
    const device = await companion(server, bob);
    using socket = await TestSocket.open(server.wsUrl, { query: { ticket: await ticketFor(server, device.token) } });
    expect(socket.greeting).toMatchObject({ user_id: String(bob.id), device_id: device.id });
  });

  test("is worth no more than the token it was made with", async () => {
    const { id, token } = await issue(server, { user_id: alice.id });
    const query = { ticket: await ticketFor(server, token) };
    await server.data("DELETE", `/api/tokens/${id}/`);
    expect(await refusalOf(server, { query })).toEqual(["UNAUTHENTICATED", 4001]);
  });

  test("for a device is void once the device is somebody else's", async () => {
    const device = await companion(server, alice);
    const query = { ticket: await ticketFor(server, alice.token, device.id) };
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id });
    expect(await refusalOf(server, { query })).toEqual(["FORBIDDEN", 4003]);
  });
});
