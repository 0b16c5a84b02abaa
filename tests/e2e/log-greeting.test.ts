import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { timestamp } from "./support/expect.ts";
import { type Companion, companion, type Person, person } from "./support/people.ts";
import { refusalOf } from "./support/refusal.ts";
import { app, LTY_V1, pushMany, reliable } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let device: Companion;

beforeAll(async () => {
  server = await TestServer.start({ LTY_HEARTBEAT_S: "17" });
  alice = await person(server);
  device = await companion(server, alice, { is_primary: true });
  await pushMany(server, alice, 3);
});
afterAll(() => server[Symbol.asyncDispose]());

const common = () => ({
  type: "connection_status",
  status: "connected",
  user_id: String(alice.id),
  device_id: device.id,
  session_id: expect.any(String),
  timestamp,
  protocol: "lty.v1",
  epoch: expect.stringMatching(/^[0-9a-zA-Z._-]{32,64}$/),
  resumed: false,
  heartbeat_ms: 17_000,
  ack_window: 64,
});

describe("the greeting of lty.v1 says who it is and where it stands, in every part:", () => {
  const whos: Record<string, () => readonly [Introduction, object]> = {
    "a device": () => [device, { consumer: `device:${device.id}`, acked: 0, top: 3 }],
    "a user as that device": () => [
      { token: alice.token, query: { role: "device", device: String(device.id) } },
      { consumer: `device:${device.id}`, acked: 0, top: 3 },
    ],
    "a user without a role": () => [alice, { consumer: `user:${alice.id}`, acked: 0, top: 3 }],
    "an app that names itself, which starts at the top": () => [
      { token: alice.token, query: { role: "app", client_id: "Phone_2-b" } },
      { consumer: `app:${alice.id}:Phone_2-b`, acked: 3, top: 3, device_id: null },
    ],
    "an app that does not, which is no consumer": () => [
      { token: alice.token, query: { role: "app" } },
      { consumer: null, epoch: null, acked: null, top: null, device_id: null },
    ],
  };
  for (const [name, who] of Object.entries(whos)) {
    test(name, async () => {
      const [introduction, wanted] = who();
      using socket = await reliable(server, introduction);
      expect(socket.greeting).toEqual({ ...common(), ...wanted } as never);
      expect(socket.protocol).toBe(LTY_V1);
    });
  }

  test("a device that nobody owns waits, and is no consumer", async () => {
    const unowned = await companion(server);
    using socket = await reliable(server, unowned);
    const wanted = { user_id: null, device_id: unowned.id, consumer: null, epoch: null, acked: null, top: null };
    expect(socket.greeting).toEqual({ ...common(), ...wanted } as never);
  });

  test("the epoch of a user without messages is the one that the first of them has", async () => {
    const bob = await person(server);
    using before = await app(server, bob, "phone");
    expect(before.greeting).toMatchObject({ acked: 0, top: 0 });
    await pushMany(server, bob, 1);
    using after = await app(server, bob, "tablet");
    expect(after.greeting).toMatchObject({ epoch: before.greeting.epoch, top: 1 });
  });
});

test("clients of the original document get none of it", async () => {
  using socket = await TestSocket.open(server.wsUrl, alice);
  expect(Object.keys(socket.greeting).toSorted()).toEqual(
    ["type", "status", "user_id", "device_id", "session_id", "timestamp"].toSorted(),
  );
  expect(socket.protocol).toBe("");
});

test("a client_id is 1 to 64 letters, digits, _ and -", async () => {
  for (const clientId of ["", "a b", "a:b", "ü", "a".repeat(65), "a/b", "%00"]) {
    const query = { role: "app", client_id: clientId };
    expect(await refusalOf(server, { token: alice.token, query, protocol: LTY_V1 })).toEqual(["FORBIDDEN", 4003]);
  }
});

test("an app that is no consumer gets what is pushed while it is there, with its place, and acknowledges in vain", async () => {
  using socket = await reliable(server, { token: alice.token, query: { role: "app" } });
  const [pushed] = await pushMany(server, alice, 1);
  expect(await socket.next()).toMatchObject({ type: "note", seq: pushed?.seq, message_id: pushed?.message_id });
  socket.send({ type: "ack", seq: pushed?.seq });
  socket.send({ type: "ack", seq: 1_000 });
  expect(await socket.rest()).toEqual([]);
  using again = await reliable(server, { token: alice.token, query: { role: "app" } });
  expect(await again.rest()).toEqual([]);
});
