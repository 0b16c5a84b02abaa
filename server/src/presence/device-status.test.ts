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

test("more than ten thousand that leave while nobody can say who is elsewhere: the first are said to be gone, and counted", () => {
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
      onlineDevices: () => new Promise(() => {}),
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
  leave(1, 1);
  // From here on it waits for the database.
  clock.advance(GRACE_MS + 500);
  leave(2, 9_999);
  expect(said).toEqual([]);
  expect(events.counts.statusesUnchecked).toBe(0);
  leave(20_000, 2);
  expect(said).toMatchObject([2, 3].map((device_id) => ({ type: "device_status", device_id, online: false })));
  expect(events.counts.statusesUnchecked).toBe(2);
  status.stop();
});
