import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock, type Person, startTestGateway, type TestGateway, type TestSocket } from "@qy-lty/testkit";
import { Topics } from "../hub/topics.ts";
import { Events } from "../observe/events.ts";
import { createLogger } from "../observe/log.ts";
import type { Session } from "../session/session.ts";
import type { Departed } from "../store/shared-store.ts";
import { MemoryTransport } from "../transport/memory.ts";
import { DeviceStatus } from "./device-status.ts";

const GRACE_MS = 3_000;

describe("what an owner's apps hear of a device", () => {
  let clock: ManualClock;
  let gateway: TestGateway;
  let anna: Person;
  let deviceId: number;
  let token: string;
  let app: TestSocket;
  beforeEach(async () => {
    clock = new ManualClock();
    gateway = await startTestGateway({ clock, transport: new MemoryTransport() });
    anna = await gateway.person();
    ({ id: deviceId } = await gateway.device({ userId: anna.id }));
    token = await gateway.token({ device: deviceId });
    app = await gateway.enter(anna.token, "role=app");
  });
  afterEach(() => gateway[Symbol.asyncDispose]());

  /** What was said since this was asked last. */
  async function told(socket = app): Promise<unknown[]> {
    // What is pushed leaves at the end of a turn.
    await new Promise(setImmediate);
    socket.send({ type: "ping" });
    const statuses: unknown[] = [];
    for (;;) {
      const { type, device_id, online } = await socket.next();
      if (type === "pong") return statuses;
      statuses.push([type, device_id, online]);
    }
  }

  test("that it came, and that it has gone once it was away for three seconds", async () => {
    const device = await gateway.enter(token);
    expect(await told()).toEqual([["device_status", deviceId, true]]);
    device.close();
    await device.closed;
    while (gateway.gateway.registry.devices.has(deviceId)) await new Promise(setImmediate);
    clock.advance(GRACE_MS - 1);
    expect(await told()).toEqual([]);
    clock.advance(501);
    expect(await told()).toEqual([["device_status", deviceId, false]]);
    clock.advance(10_000);
    expect(await told()).toEqual([]);
  });

  test("nothing of one that comes back in time, or of a second connection", async () => {
    const first = await gateway.enter(token);
    const second = await gateway.enter(token);
    expect(await told()).toEqual([["device_status", deviceId, true]]);
    for (const device of [first, second]) {
      device.close();
      await device.closed;
    }
    while (gateway.gateway.registry.devices.has(deviceId)) await new Promise(setImmediate);
    clock.advance(GRACE_MS - 500);
    await gateway.enter(token);
    clock.advance(10_000);
    expect(await told()).toEqual([]);
  });

  test("nobody else hears it, nor the device itself", async () => {
    const ben = await gateway.person();
    const others = [await gateway.enter(ben.token, "role=app"), await gateway.enter(anna.token)];
    others.push(await gateway.enter(token));
    expect(await told()).toEqual([["device_status", deviceId, true]]);
    for (const other of others) expect(await told(other)).toEqual([]);
  });
});

/** Statuses of one node of several; `elsewhere` says who is connected to the others. */
function nodeBeside(elsewhere: (deviceIds: readonly number[]) => Promise<ReadonlySet<number>>) {
  const clock = new ManualClock();
  const said: unknown[] = [];
  const events = new Events(createLogger("silent"));
  let departed: (devices: readonly Departed[]) => void = () => {};
  const status = new DeviceStatus({
    registry: {
      onChange: () => {},
      all: function* () {},
      devices: new Topics<Session>(),
      users: new Topics<Session>(),
    },
    broker: { isShared: true, say: (notice) => void (notice.kind === "frame" && said.push(JSON.parse(notice.frame))) },
    shared: {
      onlineDevices: elsewhere,
      onDeparted: (listener) => {
        departed = listener;
      },
      onRejoined: () => {},
    },
    clock,
    events,
  });
  const leave = (from: number, count: number) =>
    departed(Array.from({ length: count }, (_, n) => ({ deviceId: from + n, userId: 1 })));
  return { clock, said, events, leave, [Symbol.dispose]: () => status.stop() };
}

const gone = (...deviceIds: number[]) =>
  deviceIds.map((device_id) => ({ type: "device_status", device_id, online: false }));

test("of a node that died: who came to another meanwhile is not said to be gone, and who did not is, once", async () => {
  const asked: (readonly number[])[] = [];
  using node = nodeBeside(async (deviceIds) => {
    asked.push(deviceIds);
    return new Set([2]);
  });
  const { clock, said, leave } = node;
  leave(1, 3);
  clock.advance(GRACE_MS - 500);
  // Its lease is found to be over by another node, too.
  leave(3, 1);
  clock.advance(1_000);
  await new Promise(setImmediate);
  expect(said).toMatchObject(gone(1));
  clock.advance(10_000);
  await new Promise(setImmediate);
  expect(said).toMatchObject(gone(1, 3));
  expect(asked).toEqual([[1, 2], [3]]);
});

test("very many that leave at once are asked for by the thousand", async () => {
  const asked: number[] = [];
  using node = nodeBeside(async (deviceIds) => {
    asked.push(deviceIds.length);
    return new Set();
  });
  const { clock, said, events, leave } = node;
  leave(1, 2_500);
  clock.advance(GRACE_MS + 500);
  while (said.length < 2_500) await new Promise(setImmediate);
  expect(asked).toEqual([1_000, 1_000, 500]);
  expect(events.counts.statusesUnchecked).toBe(0);
});

test("more than ten thousand that leave while nobody can say who is elsewhere: the first are said to be gone, and counted", () => {
  using node = nodeBeside(() => new Promise(() => {}));
  const { clock, said, events, leave } = node;
  leave(1, 1);
  // From here on it waits for the database.
  clock.advance(GRACE_MS + 500);
  leave(2, 9_999);
  expect(said).toEqual([]);
  expect(events.counts.statusesUnchecked).toBe(0);
  leave(20_000, 2);
  expect(said).toMatchObject(gone(2, 3));
  expect(said).toHaveLength(2);
  expect(events.counts.statusesUnchecked).toBe(2);
});
