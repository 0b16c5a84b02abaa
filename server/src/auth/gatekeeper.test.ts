import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway, type TestGateway, type TestGatewayOptions } from "@qy-lty/testkit";
import { mintToken } from "../platform/ids.ts";
import { MemoryTransport } from "../transport/memory.ts";

async function start(options: TestGatewayOptions = {}) {
  const clock = new ManualClock();
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock, ...options });
  return { clock, gateway };
}

/** What the gateway says and does to a connection that it does not let in. */
async function refusal(gateway: TestGateway, query: string) {
  const socket = await gateway.connect(query);
  const { code } = await socket.next();
  const end = await socket.closed;
  expect(socket.frames).toHaveLength(1);
  return [code, end.code];
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a refusal says why, and then closes", () => {
  const cases: [string, (gateway: TestGateway) => Promise<string>, unknown[]][] = [
    ["no credential", async () => "", ["UNAUTHENTICATED", 4001]],
    ["an unknown token", async () => `token=${mintToken()}`, ["UNAUTHENTICATED", 4001]],
    ["what is no token at all", async () => "token=x", ["UNAUTHENTICATED", 4001]],
    ["an unknown ticket", async () => "ticket=ltk_x", ["UNAUTHENTICATED", 4001]],
    [
      "an expired token",
      async (gateway) => `token=${await gateway.token({ user: (await gateway.user()).id }, -1)}`,
      ["UNAUTHENTICATED", 4001],
    ],
    [
      "a revoked token",
      async (gateway) => {
        const { token } = await gateway.person();
        await gateway.store.tokens.revoke(1);
        return `token=${token}`;
      },
      ["UNAUTHENTICATED", 4001],
    ],
    [
      "a disabled user",
      async (gateway) => {
        const { id, token } = await gateway.person();
        await gateway.store.users.change(id, { isActive: false });
        return `token=${token}`;
      },
      ["UNAUTHENTICATED", 4001],
    ],
    [
      "a device of a disabled user",
      async (gateway) => {
        const user = await gateway.user();
        const { id } = await gateway.device({ userId: user.id });
        await gateway.store.users.change(user.id, { isActive: false });
        return `token=${await gateway.token({ device: id })}`;
      },
      ["UNAUTHENTICATED", 4001],
    ],
    ["a service", async (gateway) => `token=${await gateway.token({ service: "backend" })}`, ["FORBIDDEN", 4003]],
    ["an unknown role", async (gateway) => `token=${(await gateway.person()).token}&role=x`, ["FORBIDDEN", 4003]],
  ];

  test.each(cases)("%s", async (_, query, expected) => {
    const { gateway } = await start();
    await using _gateway = gateway;
    expect(await refusal(gateway, await query(gateway))).toEqual(expected);
    expect([gateway.gateway.registry.size, gateway.gateway.registry.sockets]).toEqual([0, 0]);
    expect(gateway.log.saying("connection opened")).toEqual([]);
    expect(gateway.log.saying("connection refused")).toMatchObject([{ code: expected[0] }]);
  });

  test("a first frame of lty.v1 that has not come after 5 s, and not before", async () => {
    const { clock, gateway } = await start();
    await using _gateway = gateway;
    const [silent, punctual] = [
      await gateway.connect("", { protocols: ["lty.v1"] }),
      await gateway.connect("", { protocols: ["lty.v1"] }),
    ];
    clock.advance(4_999);
    await settle();
    expect(silent.frames).toEqual([]);
    punctual.send({ type: "auth", message: { token: (await gateway.person()).token } });
    expect(await punctual.next()).toMatchObject({ type: "connection_status" });
    clock.advance(1);
    expect(await silent.next()).toMatchObject({ code: "UNAUTHENTICATED" });
    expect((await silent.closed).code).toBe(4001);
    expect(await punctual.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("no device where one is required", async () => {
    const { gateway } = await start({ config: { requireDevice: true } });
    await using _gateway = gateway;
    expect(await refusal(gateway, `token=${(await gateway.person()).token}`)).toEqual(["NO_DEVICE", 4002]);
  });

  test("a failure of ours closes 4000, and the log knows why", async () => {
    const { gateway } = await start({ expectsErrors: true });
    await using _gateway = gateway;
    const { token } = await gateway.person();
    gateway.store.devices.find = () => Promise.reject(new Error("the disk is gone"));
    expect(await refusal(gateway, `token=${token}&role=device&device=1`)).toEqual(["INTERNAL_ERROR", 4000]);
    expect(gateway.log.errors).toMatchObject([{ msg: "internal error", request_id: expect.any(String) }]);
  });

  test("what was sent before is never handled", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { token } = await gateway.person();
    const socket = await gateway.connect(`token=${token}&role=device&device=1`);
    socket.send({ type: "ping" });
    await socket.closed;
    expect(socket.frames.map(({ type }) => type)).toEqual(["error"]);
  });
});

describe("admission that takes its time", () => {
  test("greets first, and then answers what was sent meanwhile", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const device = await gateway.device({ userId: id });
    const socket = await gateway.connect(`token=${token}&role=device&device=${device.id}`);
    socket.send({ type: "ping", id: "1" });
    socket.send({ type: "sing", id: "2" });
    const frames = [await socket.next(), await socket.next(), await socket.next()];
    expect(frames).toMatchObject([
      { type: "connection_status", user_id: String(id), device_id: device.id },
      { type: "pong", id: "1" },
      { type: "sing_response", id: "2" },
    ]);
  });

  test("of a peer that leaves meanwhile comes to nothing", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const device = await gateway.device({ userId: id });
    const found = Promise.withResolvers<typeof device>();
    gateway.store.devices.find = () => found.promise;
    const socket = await gateway.connect(`token=${token}&role=device&device=${device.id}`);
    gateway.gateway.registry.closeAll({ code: 1012, reason: "", next: "reconnect", when: "" });
    found.resolve(device);
    await socket.closed;
    await settle();
    expect(socket.frames).toEqual([]);
    expect(gateway.gateway.registry.size).toBe(0);
    expect(gateway.gateway.registry.devices.has(device.id)).toBe(false);
    expect(gateway.log.saying("connection opened")).toEqual([]);
  });
});

describe("a credential that is refused again and again", () => {
  const counted = (gateway: TestGateway) => {
    let reads = 0;
    const { credentials } = gateway.store;
    const find = credentials.findByHash;
    credentials.findByHash = (hash) => {
      reads += 1;
      return find(hash);
    };
    return () => reads;
  };

  test("is held back from the 6th time on, without asking the database", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const reads = counted(gateway);
    const token = mintToken();
    for (let i = 0; i < 5; i++) await refusal(gateway, `token=${token}`);
    expect(reads()).toBe(5);
    for (const delayMs of [1_000, 2_000, 4_000]) {
      const socket = await gateway.connect(`token=${token}`);
      clock.advance(delayMs - 1);
      await settle();
      expect(socket.frames).toEqual([]);
      clock.advance(1);
      expect(await socket.next()).toMatchObject({ type: "error", code: "UNAUTHENTICATED" });
      expect(await socket.closed).toMatchObject({ code: 4001 });
    }
    expect(reads()).toBe(5);
  });

  test("is let in as soon as it is good: its user was enabled again", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    await gateway.store.users.change(id, { isActive: false });
    for (let i = 0; i < 5; i++) await refusal(gateway, `token=${token}`);
    await gateway.store.users.change(id, { isActive: true });
    clock.advance(250);
    await settle();
    await gateway.enter(token);
  });

  test("where it may not go is let in where it may", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { token } = await gateway.person();
    for (let i = 0; i < 5; i++) await refusal(gateway, `token=${token}&role=device&device=1`);
    await gateway.enter(token);
  });

  test("and leaves meanwhile is forgotten", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const token = mintToken();
    for (let i = 0; i < 5; i++) await refusal(gateway, `token=${token}`);
    const socket = await gateway.connect(`token=${token}`);
    gateway.gateway.registry.closeAll({ code: 1012, reason: "", next: "reconnect", when: "" });
    await socket.closed;
    clock.advance(1_000);
    await settle();
    expect(socket.frames).toEqual([]);
  });
});

describe("a ticket", () => {
  async function buy(gateway: TestGateway, token: string, body: object = {}) {
    const { status, body: answer } = await gateway.http<{ ticket: string; expires_in_s: number }>(
      "POST",
      "/api/tickets/",
      {
        token,
        body,
      },
    );
    return { status, ticket: answer.data?.ticket, expiresInS: answer.data?.expires_in_s };
  }

  test("opens one socket as who bought it", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const { ticket, expiresInS } = await buy(gateway, token);
    expect(expiresInS).toBe(30);
    const socket = await gateway.connect(`ticket=${ticket}`);
    expect(await socket.next()).toMatchObject({ type: "connection_status", user_id: String(id) });
    expect(await refusal(gateway, `ticket=${ticket}`)).toEqual(["UNAUTHENTICATED", 4001]);
  });

  test("opens one as a device of the buyer's", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const device = await gateway.device({ userId: id });
    const { ticket } = await buy(gateway, token, { device_id: device.id });
    const socket = await gateway.connect(`ticket=${ticket}`);
    expect(await socket.next()).toMatchObject({ user_id: String(id), device_id: device.id });
  });

  test("is worth what its token still is", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { token } = await gateway.person();
    const { ticket } = await buy(gateway, token);
    await gateway.store.tokens.revoke(1);
    expect(await refusal(gateway, `ticket=${ticket}`)).toEqual(["UNAUTHENTICATED", 4001]);
  });

  test("for a device is worth what its binding still is", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const device = await gateway.device({ userId: id });
    const { ticket } = await buy(gateway, token, { device_id: device.id });
    await gateway.store.devices.change(device.id, { userId: (await gateway.user()).id });
    expect(await refusal(gateway, `ticket=${ticket}`)).toEqual(["FORBIDDEN", 4003]);
  });

  test("is not sold for somebody else's device, but to an admin", async () => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const owner = await gateway.user();
    const device = await gateway.device({ userId: owner.id });
    expect(await buy(gateway, (await gateway.person()).token, { device_id: device.id })).toMatchObject({ status: 404 });
    const { ticket } = await buy(gateway, (await gateway.person({ isAdmin: true })).token, { device_id: device.id });
    const socket = await gateway.connect(`ticket=${ticket}`);
    expect(await socket.next()).toMatchObject({ user_id: String(owner.id), device_id: device.id });
  });

  test("expires after 30 s, and guessing is not held back", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const { ticket } = await buy(gateway, (await gateway.person()).token);
    clock.advance(30_000);
    for (let i = 0; i < 10; i++) expect(await refusal(gateway, `ticket=${ticket}`)).toEqual(["UNAUTHENTICATED", 4001]);
  });
});
