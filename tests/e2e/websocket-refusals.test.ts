import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Companion, companion, disable, issue, type Person, person, service } from "./support/people.ts";
import { refusalOf, wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";

let server: TestServer;
let strict: TestServer;
let alice: Person;
let bob: Person;
let device: Companion;
let foreign: Companion;
let unowned: Companion;

beforeAll(async () => {
  [server, strict] = await Promise.all([TestServer.start(), TestServer.start({ LTY_REQUIRE_DEVICE: "true" })]);
  [alice, bob] = await Promise.all([person(server), person(server)]);
  [device, foreign, unowned] = await Promise.all([companion(server, alice), companion(server, bob), companion(server)]);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), strict[Symbol.asyncDispose]()]));

type Scene = () => Introduction | Promise<Introduction>;

/** A user token whose credential is sound: another for every case, since refusals of one are remembered. */
const token = async () => (await issue(server, { user_id: alice.id })).token;
const deviceToken = async () => (await issue(server, { device_id: device.id })).token;
const asking = (query: Record<string, string>) => async () => ({ token: await token(), query });

const UNAUTHENTICATED: Record<string, Scene> = {
  "no credential": () => ({}),
  "no credential on a user's path": () => ({ path: `/ws/device/${alice.id}/` }),
  "an unknown token": () => ({ token: wrongToken() }),
  "an unknown token of the original system": () => ({ token: "0123456789".repeat(4) }),
  "what is no token at all": () => ({ token: "secret" }),
  "a token of 8,000 characters": () => ({ token: `lty_${"a".repeat(8_000)}` }),
  "a token with a quote in it": () => ({ query: { token: "' OR 1=1 --" } }),
  "a path that is no valid encoding": () => ({ path: "/ws/device/token/%ff%zz/" }),
  "an unknown ticket": () => ({ query: { ticket: "ltk_nothing" } }),
  "a token in place of a ticket": async () => ({ query: { ticket: await token() } }),
  "a revoked token": async () => {
    const revoked = await issue(server, { user_id: alice.id });
    await server.data("DELETE", `/api/tokens/${revoked.id}/`);
    return { token: revoked.token };
  },
  "an expired token": async () => {
    // Long enough to be let in with it on a busy machine.
    const expired = await issue(server, { user_id: alice.id }, 4);
    using socket = await TestSocket.open(server.wsUrl, { token: expired.token });
    expect((await socket.ended()).code).toBe(4012);
    return { token: expired.token };
  },
  "a disabled user": async () => {
    const user = await person(server);
    await disable(server, user);
    return { token: user.token };
  },
  "a device of a disabled user": async () => {
    const user = await person(server);
    const theirs = await companion(server, user);
    await disable(server, user);
    return { token: theirs.token };
  },
  "an erased user": async () => {
    const user = await person(server);
    await server.data("DELETE", `/api/users/${user.id}/`);
    return { token: user.token };
  },
  "an erased device": async () => {
    const theirs = await companion(server, alice);
    await server.data("DELETE", `/api/devices/${theirs.id}/`);
    return { token: theirs.token };
  },
};

const FORBIDDEN: Record<string, Scene> = {
  "a service token": async () => ({ token: await service(server) }),
  "another user's path": async () => ({ token: await token(), path: `/ws/device/${bob.id}/` }),
  "the path of a user who does not exist": async () => ({ token: await token(), path: "/ws/device/999999/" }),
  "the path of user 0": async () => ({ token: await token(), path: "/ws/device/0/" }),
  "the path of a user id beyond all numbers": async () => ({
    token: await token(),
    path: `/ws/device/${"9".repeat(40)}/`,
  }),
  "another user's path, even for an admin": async () => ({
    token: (await issue(server, { user_id: server.adminId })).token,
    path: `/ws/device/${alice.id}/`,
  }),
  "a device on the path of a user who does not own it": async () => ({
    token: await deviceToken(),
    path: `/ws/device/${bob.id}/`,
  }),
  "a device of nobody on a user's path": () => ({ token: unowned.token, path: `/ws/device/${alice.id}/` }),
  "an unknown role": asking({ role: "admin" }),
  "an empty role": asking({ role: "" }),
  "a role in capitals": asking({ role: "APP" }),
  "role=device without a device": asking({ role: "device" }),
  "role=device with a device that is no number": asking({ role: "device", device: "mine" }),
  "role=device with device 0": asking({ role: "device", device: "0" }),
  "role=device with a device that does not exist": asking({ role: "device", device: "999999" }),
  "role=device with another user's device": async () => ({
    token: await token(),
    query: { role: "device", device: String(foreign.id) },
  }),
  "role=device with a device of nobody": async () => ({
    token: await token(),
    query: { role: "device", device: String(unowned.id) },
  }),
  "a device token as app": async () => ({ token: await deviceToken(), query: { role: "app" } }),
  "a device token as another device": async () => ({
    token: await deviceToken(),
    query: { role: "device", device: String(foreign.id) },
  }),
  "an empty client_id": asking({ client_id: "" }),
  "a client_id with a space": asking({ client_id: "my phone" }),
  "a client_id with a colon": asking({ client_id: "app:1" }),
  "a client_id beyond ASCII": asking({ client_id: "手机" }),
  "a client_id of 65 characters": asking({ client_id: "c".repeat(65) }),
};

const tables = { UNAUTHENTICATED: [UNAUTHENTICATED, 4001], FORBIDDEN: [FORBIDDEN, 4003] } as const;
for (const [code, [scenes, close]] of Object.entries(tables)) {
  describe(`${code}, then close ${close}, for`, () => {
    for (const [name, scene] of Object.entries(scenes)) {
      test(name, async () => {
        expect(await refusalOf(server, await scene())).toEqual([code, close]);
      });
    }
  });
}

describe("let in", () => {
  const scenes: Record<string, Scene> = {
    "a client_id of 64 characters": asking({ client_id: `A-z_${"0".repeat(60)}` }),
    "a device token that says it is a device": async () => ({
      token: await deviceToken(),
      query: { role: "device", device: String(device.id) },
    }),
    "a device on its owner's path": async () => ({ token: await deviceToken(), path: `/ws/device/${alice.id}/` }),
    "query parameters that nobody knows": asking({ colour: "blue", epoch: "" }),
  };
  for (const [name, scene] of Object.entries(scenes)) {
    test(name, async () => {
      using socket = await TestSocket.open(server.wsUrl, await scene());
      expect(socket.greeting.status).toBe("connected");
    });
  }
});

describe("with LTY_REQUIRE_DEVICE", () => {
  test("NO_DEVICE, then close 4002, for a user without a primary device", async () => {
    const { token } = await person(strict);
    expect(await refusalOf(strict, { token })).toEqual(["NO_DEVICE", 4002]);
  });

  test("a user with a primary device, an app, and a device are let in", async () => {
    const user = await person(strict);
    const own = await companion(strict, user, { is_primary: true });
    for (const introduction of [{ token: user.token }, { token: own.token }]) {
      using socket = await TestSocket.open(strict.wsUrl, introduction);
      expect(socket.greeting.device_id).toBe(own.id);
    }
    using app = await TestSocket.open(strict.wsUrl, { token: (await person(strict)).token, query: { role: "app" } });
    expect(app.greeting.device_id).toBeNull();
  });
});

describe("a refusal", () => {
  test("is said in one error frame, then in the close", async () => {
    using socket = TestSocket.knock(server.wsUrl, {});
    const { code, reason, frames } = await socket.ended();
    expect(frames).toEqual([
      {
        type: "error",
        message: expect.stringMatching(/^Authentication required/),
        code: "UNAUTHENTICATED",
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ]);
    expect({ code, reason }).toEqual({ code: 4001, reason: "unauthenticated" });
  });

  test("joins nothing: while it is held back, no push reaches the socket and no frame is answered", async () => {
    const { token } = await issue(server, { user_id: alice.id });
    const refused = { token, path: `/ws/device/${bob.id}/` };
    for (let time = 1; time <= 5; time++) expect(await refusalOf(server, refused)).toEqual(["FORBIDDEN", 4003]);

    // The sixth would be said a second later, the eighth is after four; until then the socket is open.
    using sixth = TestSocket.knock(server.wsUrl, refused);
    await sixth.upgraded;
    using seventh = TestSocket.knock(server.wsUrl, refused);
    await seventh.upgraded;
    using held = TestSocket.knock(server.wsUrl, refused);
    await held.upgraded;
    held.send({ type: "ping" });
    held.send({ type: "chat_message", message: "hello" });
    for (const { id } of [alice, bob]) {
      const push = await server.data("POST", "/api/messages/", { type: "note", message: "hi", user_id: id, ttl: 0 });
      expect(push.online).toBe(false);
    }
    expect(await server.data("POST", "/api/broadcast/", { type: "note", message: "hi" })).toEqual({ recipients: 0 });
    expect(await server.data("GET", "/api/online-users/")).toEqual({ users: [], count: 0 });
    expect(await server.data("GET", "/api/connections/")).toEqual({ total_connections: 0, connections: [] });
    expect(held.received).toEqual([]);

    const { frames } = await held.ended();
    expect(frames.map((frame) => frame.type)).toEqual(["error"]);
  });
});
