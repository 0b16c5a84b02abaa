import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { type Companion, companion, type Person, person, service } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let bob: Person;
let device: Companion;
let unowned: Companion;
let sockets: TestSocket[];

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob] = await Promise.all([person(server), person(server)]);
  [device, unowned] = await Promise.all([companion(server, alice), companion(server)]);
  const open = (token: string, query = {}) => TestSocket.open(server.wsUrl, { token, query });
  sockets = [
    await open(alice.token, { role: "app" }),
    await open(device.token),
    await open(bob.token),
    await open(unowned.token),
  ];
  // Of her own device alice hears, and of no other.
  expect(await sockets[0]?.next()).toMatchObject({ type: "device_status", device_id: device.id, online: true });
});
afterAll(async () => {
  for (const socket of sockets) socket[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const get = (path: string, token = server.adminToken) => server.api("GET", path, { token });

describe("GET /api/online-users/", () => {
  test("lists who is connected, by any of their connections, once", async () => {
    const users = [alice.id, bob.id].sort((a, b) => a - b);
    for (const token of [server.adminToken, await service(server)]) {
      expect(expectSuccess(await get("/api/online-users/", token))).toEqual({ users, count: 2 });
    }
  });

  test("shows a user nobody but themselves, and a device nothing", async () => {
    expect(expectSuccess(await get("/api/online-users/", alice.token))).toEqual({ users: [alice.id], count: 1 });
    const away = await person(server);
    expect(expectSuccess(await get("/api/online-users/", away.token))).toEqual({ users: [], count: 0 });
    expectFailure(await get("/api/online-users/", device.token), 403, "FORBIDDEN");
  });
});

describe("GET /api/connections/", () => {
  const described = () =>
    [
      [sockets[0], alice.id, null, "app"],
      [sockets[1], alice.id, device.id, "device"],
      [sockets[2], bob.id, null, "user"],
      [sockets[3], null, unowned.id, "device"],
    ] as const;
  const wanted = (rows: readonly (readonly [TestSocket | undefined, number | null, number | null, string])[]) => ({
    total_connections: rows.length,
    connections: rows.map(([socket, user_id, device_id, role]) => ({
      session_id: socket?.sessionId,
      user_id,
      device_id,
      role,
      connected_at: timestamp,
      last_activity: timestamp,
      remote: "127.0.0.1",
      node: expect.any(String),
    })),
  });

  test("lists every open connection", async () => {
    for (const token of [server.adminToken, await service(server)]) {
      expect(expectSuccess(await get("/api/connections/", token))).toEqual(wanted(described()));
    }
  });

  test("shows a user their own and their devices', and a device nothing", async () => {
    expect(expectSuccess(await get("/api/connections/", alice.token))).toEqual(wanted(described().slice(0, 2)));
    expectFailure(await get("/api/connections/", device.token), 403, "FORBIDDEN");
  });

  test("last_activity moves on with every frame", async () => {
    const [socket] = sockets;
    const last = async () => {
      const { connections } = expectSuccess(await get("/api/connections/", alice.token)) as {
        connections: { session_id: string; last_activity: string }[];
      };
      return connections.find(({ session_id }) => session_id === socket?.sessionId)?.last_activity ?? "";
    };
    const before = await last();
    // A millisecond has to pass for it to show.
    while ((await last()) === before) await socket?.ask({ type: "ping" });
    expect((await last()) > before).toBe(true);
  });

  test("forgets a connection as soon as it is closed", async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: bob.token });
    await server.data("DELETE", `/api/connections/${socket.sessionId}/`);
    const { connections } = expectSuccess(await get("/api/connections/")) as { connections: { session_id: string }[] };
    expect(connections.map(({ session_id }) => session_id)).not.toContain(socket.sessionId);
  });

  test("X-Forwarded-For is not believed of a peer that is no trusted proxy, and is of one that is", async () => {
    const headers = { "x-forwarded-for": "203.0.113.9" };
    const remotes = async (of: TestServer) => {
      using _socket = await TestSocket.open(of.wsUrl, { token: of.adminToken, headers });
      const { connections } = await of.data<{ connections: { remote: string; user_id: number }[] }>(
        "GET",
        "/api/connections/",
      );
      return connections.filter(({ user_id }) => user_id === of.adminId).map(({ remote }) => remote);
    };
    expect(await remotes(server)).toEqual(["127.0.0.1"]);
    await using proxied = await TestServer.start({ LTY_TRUSTED_PROXIES: "127.0.0.0/8" });
    expect(await remotes(proxied)).toEqual(["203.0.113.9"]);
  });
});

describe("DELETE /api/connections/{session_id}/", () => {
  test("is 404 for one that is not there, 422 for what names none", async () => {
    expectFailure(await server.api("DELETE", `/api/connections/${crypto.randomUUID()}/`), 404, "NOT_FOUND");
    expectFailure(await server.api("DELETE", "/api/connections/7/"), 422, "INVALID_VALUE");
  });

  test("is for admins alone, also for one's own connection", async () => {
    const path = `/api/connections/${sockets[0]?.sessionId}/`;
    for (const token of [alice.token, device.token, await service(server)]) {
      expectFailure(await server.api("DELETE", path, { token }), 403, "FORBIDDEN");
    }
    expect(await sockets[0]?.rest()).toEqual([]);
  });
});
