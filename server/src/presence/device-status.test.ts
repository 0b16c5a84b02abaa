import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock, type Person, startTestGateway, type TestGateway, type TestSocket } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";

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
