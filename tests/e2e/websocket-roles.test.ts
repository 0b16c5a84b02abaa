import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Companion, companion, issuer, type Person, person, service } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let bob: Person;
/** Alice's primary device, her other one, and one that nobody owns. */
let primary: Companion;
let second: Companion;
let unowned: Companion;

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob] = await Promise.all([person(server), person(server)]);
  primary = await companion(server, alice, { is_primary: true });
  [second, unowned] = await Promise.all([companion(server, alice), companion(server)]);
});
afterAll(() => server[Symbol.asyncDispose]());

const connections = {
  "app of alice": () => ({ token: alice.token, query: { role: "app" } }),
  "alice without a role": () => ({ token: alice.token }),
  "alice as her second device": () => ({ token: alice.token, query: { role: "device", device: String(second.id) } }),
  "primary device": () => ({ token: primary.token }),
  "second device": () => ({ token: second.token }),
  "device of nobody": () => ({ token: unowned.token }),
  "bob without a role": () => ({ token: bob.token }),
} as const;
type Name = keyof typeof connections;
const NAMES = Object.keys(connections) as Name[];

let sockets: Map<Name, TestSocket>;

beforeEach(async () => {
  const opened = NAMES.map(async (name) => [name, await TestSocket.open(server.wsUrl, connections[name]())] as const);
  sockets = new Map(await Promise.all(opened));
});
afterEach(() => {
  for (const socket of sockets.values()) socket[Symbol.dispose]();
});

/** Who received what, once nothing is on its way any more. */
async function receivers(): Promise<Partial<Record<Name, unknown[]>>> {
  const received: Partial<Record<Name, unknown[]>> = {};
  for (const [name, socket] of sockets) {
    const frames = await socket.rest();
    if (frames.length > 0) received[name] = frames;
  }
  return received;
}

describe("connection_status says what a connection is", () => {
  const greetings: Record<Name, () => readonly [userId: number | null, deviceId: number | null]> = {
    "app of alice": () => [alice.id, null],
    "alice without a role": () => [alice.id, primary.id],
    "alice as her second device": () => [alice.id, second.id],
    "primary device": () => [alice.id, primary.id],
    "second device": () => [alice.id, second.id],
    "device of nobody": () => [null, unowned.id],
    "bob without a role": () => [bob.id, null],
  };
  for (const name of NAMES) {
    test(name, () => {
      const [userId, deviceId] = greetings[name]();
      expect(sockets.get(name)?.greeting).toEqual({
        type: "connection_status",
        status: "connected",
        user_id: userId === null ? null : String(userId),
        device_id: deviceId,
        session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      });
    });
  }

  test("a user without a bound device is let in all the same, and the log warns", async () => {
    const session = sockets.get("bob without a role")?.sessionId ?? "";
    const warning = () =>
      server.output.split("\n").find((text) => text.includes(session) && text.includes("no bound device"));
    // What is logged before a greeting may be read after it.
    while (warning() === undefined) await server.api("GET", "/healthz");
    expect(JSON.parse(warning() ?? "{}")).toMatchObject({
      level: 40,
      user_id: bob.id,
      msg: "user has no bound device",
    });
  });
});

describe("receivers of", () => {
  const push = { type: "note", message: { text: "晚饭好了" } };
  /** Only who is online now: nothing is left over for the next test. */
  const live = { ...push, ttl: 0 };
  const pushes: Record<string, { path: () => string; body?: () => object; to: readonly Name[]; sender?: string }> = {
    "a push to a user": {
      path: () => "/api/messages/",
      body: () => ({ user_id: alice.id }),
      to: ["app of alice", "alice without a role", "alice as her second device", "primary device", "second device"],
    },
    "a push to a user by their path": {
      path: () => `/api/users/${alice.id}/messages/`,
      to: ["app of alice", "alice without a role", "alice as her second device", "primary device", "second device"],
      sender: "root",
    },
    "a push to another user": {
      path: () => "/api/messages/",
      body: () => ({ user_id: bob.id }),
      to: ["bob without a role"],
    },
    "a push to the primary device": {
      path: () => `/api/devices/${primary.id}/messages/`,
      to: ["alice without a role", "primary device"],
    },
    "a push to a device that is not primary": {
      path: () => `/api/devices/${second.id}/messages/`,
      to: ["alice as her second device", "second device"],
    },
    "a broadcast": { path: () => "/api/broadcast/", to: NAMES },
  };

  for (const [name, { path, body, to, sender }] of Object.entries(pushes)) {
    test(`${name}: ${to.length === NAMES.length ? "everyone" : to.join(", ")}`, async () => {
      const result = await server.data("POST", path(), { ...live, ...body?.() });
      const frame = {
        ...push,
        ...(sender !== undefined && { sender }),
        message_id: result.message_id ?? expect.any(String),
        timestamp: result.timestamp ?? expect.any(String),
      };
      expect(await receivers()).toEqual(Object.fromEntries(to.map((receiver) => [receiver, [frame]])));
      if (name === "a broadcast") expect(result).toEqual({ recipients: NAMES.length });
      else expect(result).toMatchObject({ online: true, duplicate: false });
    });
  }

  test("a push to a device of nobody: none, it is refused", async () => {
    const { status, body } = await server.api("POST", `/api/devices/${unowned.id}/messages/`, { body: live });
    expect([status, body.code]).toEqual([409, "DEVICE_NOT_BOUND"]);
    expect(await receivers()).toEqual({});
  });

  test("a push to a user who is away: none, and the answer says so", async () => {
    const away = await person(server);
    expect(await server.data("POST", "/api/messages/", { ...live, user_id: away.id })).toMatchObject({ online: false });
    expect(await receivers()).toEqual({});
  });
});

describe("a push names its sender where the path is the user's", () => {
  const senders: Record<string, () => Promise<readonly [token: string, name: string]>> = {
    "a user": async () => [alice.token, alice.name],
    "a service": async () => [await service(server), expect.stringMatching(/^service-/) as unknown as string],
    "an issuer": async () => [await issuer(server), expect.stringMatching(/^issuer-/) as unknown as string],
    "a device": async () => [primary.token, expect.stringMatching(/^device-/) as unknown as string],
  };
  for (const [kind, sender] of Object.entries(senders)) {
    test(kind, async () => {
      const [token, name] = await sender();
      const body = { message: "hi", ttl: 0 };
      await server.api("POST", `/api/users/${alice.id}/messages/`, { token, body });
      const [frame] = (await sockets.get("app of alice")?.rest()) ?? [];
      expect(frame).toMatchObject({ type: "system", message: "hi", sender: name });
    });
  }
});

test("pushes reach a connection in the order they were made", async () => {
  const wanted = Array.from({ length: 50 }, (_, index) => index);
  for (const index of wanted) {
    await server.data("POST", "/api/messages/", { type: "count", message: { index }, user_id: alice.id, ttl: 0 });
  }
  for (const name of ["app of alice", "primary device"] as const) {
    const frames = (await sockets.get(name)?.rest()) ?? [];
    expect(frames.map((frame) => (frame.message as { index: number }).index)).toEqual(wanted);
  }
});
