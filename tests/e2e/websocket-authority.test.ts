import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, disable, issue, type Person, person, ticketFor } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";

/**
 * How long a connection may outlive what allowed it, on a machine that is busy with others, milliseconds. That a change is
 * noticed within a quarter of a second shows a clock that is turned, in server/src/auth/authority.test.ts.
 */
const AT_MOST_MS = 10_000;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const open = (introduction: Introduction) => TestSocket.open(server.wsUrl, introduction);
const push = (user: Person) =>
  server.data("POST", "/api/messages/", { type: "note", message: "secret", user_id: user.id, ttl: 0 });

/** Runs a change; the sockets close with `code` in time, and get nothing that is pushed once the change was answered. */
async function ends(sockets: readonly TestSocket[], code: number, change: () => Promise<unknown>, user?: Person) {
  const started = performance.now();
  await change();
  if (user) await push(user);
  for (const socket of sockets) {
    const ended = await socket.ended();
    expect(ended.code).toBe(code);
    expect(ended.frames).toEqual([]);
  }
  expect(performance.now() - started).toBeLessThan(AT_MOST_MS);
}

describe("connections close with 4010, and nothing is delivered after, once", () => {
  test("their token is revoked; those of the user's other tokens stay", async () => {
    const alice = await person(server);
    const { id, token } = await issue(server, { user_id: alice.id });
    const sockets = await Promise.all([open({ token }), open({ token, query: { role: "app" } })]);
    using other = await open({ token: alice.token });
    await ends(sockets, 4010, () => server.data("DELETE", `/api/tokens/${id}/`), alice);
    expect(await other.rest()).toMatchObject([{ type: "note" }]);
  });

  test("the token that their ticket was made with is revoked", async () => {
    const alice = await person(server);
    const device = await companion(server, alice);
    const { id, token } = await issue(server, { user_id: alice.id });
    const sockets = [
      await open({ query: { ticket: await ticketFor(server, token) } }),
      await open({ query: { ticket: await ticketFor(server, token, device.id) } }),
    ];
    await ends(sockets, 4010, () => server.data("DELETE", `/api/tokens/${id}/`), alice);
  });

  test("their user is disabled: with every token, and the devices too", async () => {
    const alice = await person(server);
    const device = await companion(server, alice, { is_primary: true });
    const second = await issue(server, { user_id: alice.id });
    const sockets = await Promise.all([alice, second, device].map(({ token }) => open({ token })));
    await ends(sockets, 4010, () => disable(server, alice), alice);
  });

  test("their user is erased", async () => {
    const alice = await person(server);
    await ends([await open(alice)], 4010, () => server.data("DELETE", `/api/users/${alice.id}/`));
  });

  test("their token is revoked by the command line", async () => {
    const alice = await person(server);
    const { id, token } = await issue(server, { user_id: alice.id });
    const socket = await open({ token });
    await server.lty("token", "revoke", String(id));
    const revoked = performance.now();
    expect((await socket.ended()).code).toBe(4010);
    expect(performance.now() - revoked).toBeLessThan(AT_MOST_MS);
    // A second later at the latest nothing is delivered any more, and the token opens nothing from the start.
    using next = TestSocket.knock(server.wsUrl, { token });
    expect((await next.ended()).code).toBe(4001);
  });

  test("their user is disabled by the command line", async () => {
    const alice = await person(server);
    const socket = await open(alice);
    await server.lty("user", "disable", alice.name);
    const disabled = performance.now();
    expect((await socket.ended()).code).toBe(4010);
    expect(performance.now() - disabled).toBeLessThan(AT_MOST_MS);
    expect((await server.api("GET", "/api/online-users/", { token: alice.token })).status).toBe(401);
  });

  test("their token is revoked through HTTP; requests with it are 401 from the next on", async () => {
    const alice = await person(server);
    const { id, token } = await issue(server, { user_id: alice.id });
    expect((await server.api("GET", "/api/users/", { token })).status).toBe(200);
    await server.data("DELETE", `/api/tokens/${id}/`);
    expect((await server.api("GET", "/api/users/", { token })).status).toBe(401);
  });
});

describe("connections close with 1012, to come back to what is true now, once", () => {
  test("their device is bound to a user", async () => {
    const alice = await person(server);
    const device = await companion(server);
    const socket = await open(device);
    await ends([socket], 1012, () => server.data("PATCH", `/api/devices/${device.id}/`, { user_id: alice.id }), alice);
    using again = await open(device);
    expect(again.greeting).toMatchObject({ user_id: String(alice.id), device_id: device.id });
  });

  test("their device is unbound", async () => {
    const alice = await person(server);
    const device = await companion(server, alice);
    const socket = await open(device);
    await ends([socket], 1012, () => server.data("PATCH", `/api/devices/${device.id}/`, { user_id: null }), alice);
    using again = await open(device);
    expect(again.greeting).toMatchObject({ user_id: null, device_id: device.id });
  });

  test("their device changes hands: the old owner's connection as that device too, nobody else's", async () => {
    const [alice, bob] = await Promise.all([person(server), person(server)]);
    const device = await companion(server, alice);
    const asDevice = { role: "device", device: String(device.id) };
    const sockets = [await open(device), await open({ token: alice.token, query: asDevice })];
    using app = await open({ token: alice.token, query: { role: "app" } });
    await ends(sockets, 1012, () => server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id }), alice);
    expect(await app.rest()).toMatchObject([{ type: "note" }]);
    using again = await open(device);
    expect(again.greeting.user_id).toBe(String(bob.id));
  });

  test("their user gets a primary device, or another one", async () => {
    const alice = await person(server);
    const [first, second] = await Promise.all([companion(server, alice), companion(server, alice)]);
    const roleless = await open(alice);
    await ends([roleless], 1012, () => server.data("PATCH", `/api/devices/${first.id}/`, { is_primary: true }));
    const stood = await open(alice);
    expect(stood.greeting.device_id).toBe(first.id);
    await ends([stood], 1012, () => server.data("PATCH", `/api/devices/${second.id}/`, { is_primary: true }));
    using stands = await open(alice);
    expect(stands.greeting.device_id).toBe(second.id);
  });

  test("their device is bound by the command line", async () => {
    const alice = await person(server);
    const device = await companion(server);
    const socket = await open(device);
    await server.lty("device", "bind", String(device.id), "--user", alice.name);
    expect((await socket.ended(AT_MOST_MS)).code).toBe(1012);
  });

  test("not when a device is merely renamed", async () => {
    const alice = await person(server);
    const device = await companion(server, alice);
    using socket = await open(device);
    await server.data("PATCH", `/api/devices/${device.id}/`, { name: "kitchen" });
    expect(await socket.rest()).toEqual([]);
  });
});

test("the connections of an erased device end", async () => {
  const alice = await person(server);
  const device = await companion(server, alice);
  const socket = await open(device);
  await server.data("DELETE", `/api/devices/${device.id}/`);
  expect((await socket.ended(AT_MOST_MS)).frames).toEqual([]);
  using next = TestSocket.knock(server.wsUrl, device);
  expect((await next.ended()).code).toBe(4001);
});

describe("a credential that expires", () => {
  test("closes its connections with 4012, which get nothing after, and opens nothing any more", async () => {
    const alice = await person(server);
    // Long enough to connect and to ask with it on a busy machine.
    const { token } = await issue(server, { user_id: alice.id }, 4);
    const socket = await open({ token });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(await socket.ended()).toMatchObject({ code: 4012, reason: "credential expired", frames: [] });
    expect((await server.api("GET", "/api/users/", { token })).status).toBe(401);
  });
});

describe("DELETE /api/connections/{session_id}/", () => {
  test("closes that connection with 1000, and no other of the user", async () => {
    const alice = await person(server);
    using other = await open(alice);
    const socket = await open(alice);
    const path = `/api/connections/${socket.sessionId}/`;
    expect((await server.api("DELETE", path)).body).toMatchObject({
      status: "success",
      data: { session_id: socket.sessionId },
    });
    expect(await socket.ended()).toMatchObject({ code: 1000, reason: "closed by an administrator", frames: [] });
    expect(await other.rest()).toEqual([]);
    expect((await server.api("DELETE", path)).status).toBe(404);
  });
});
