import { describe, expect, test } from "bun:test";
import { Close } from "@qy-lty/protocol";
import { ManualClock, startTestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";

async function start() {
  const clock = new ManualClock();
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
  return { clock, gateway, registry: gateway.gateway.registry };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the registry", () => {
  test("knows who listens to what, by role, until they leave", async () => {
    const { gateway, registry } = await start();
    await using _gateway = gateway;
    const anna = await gateway.person();
    const device = await gateway.device({ userId: anna.id, isPrimary: true });
    const unowned = await gateway.device();
    const count = () => [
      registry.users.each(anna.id, () => {}),
      registry.devices.each(device.id, () => {}),
      registry.devices.each(unowned.id, () => {}),
    ];
    const user = await gateway.enter(anna.token);
    expect(count()).toEqual([1, 1, 0]);
    const app = await gateway.enter(anna.token, "role=app");
    expect(count()).toEqual([2, 1, 0]);
    const asDevice = await gateway.enter(await gateway.token({ device: device.id }));
    expect(count()).toEqual([3, 2, 0]);
    const claimable = await gateway.enter(await gateway.token({ device: unowned.id }));
    expect(count()).toEqual([3, 2, 1]);
    for (const socket of [user, app, asDevice, claimable]) {
      socket.close();
      await socket.closed;
    }
    expect(count()).toEqual([0, 0, 0]);
    expect([registry.size, registry.sockets]).toEqual([0, 0]);
  });

  test("ends a session within a second of its credential's expiry: 4012", async () => {
    const { gateway, clock, registry } = await start();
    await using _gateway = gateway;
    const { id } = await gateway.user();
    const socket = await gateway.enter(await gateway.token({ user: id }, 10_000));
    const lasting = await gateway.enter(await gateway.token({ user: id }, 60_000));
    clock.advance(9_999);
    expect(registry.size).toBe(2);
    clock.advance(1_000);
    expect(await socket.closed).toEqual({ code: 4012, reason: "credential expired" });
    expect(await lasting.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("`emptied` waits for every socket, those still held too", async () => {
    const { gateway, registry } = await start();
    await using _gateway = gateway;
    const { token } = await gateway.person();
    const socket = await gateway.enter(token);
    gateway.store.devices.find = () => new Promise(() => {});
    const held = await gateway.connect(`token=${token}&role=device&device=1`);
    expect([registry.size, registry.sockets]).toEqual([1, 2]);
    let emptied = false;
    const waiting = registry.emptied(1_000).then(() => {
      emptied = true;
    });
    socket.close();
    await socket.closed;
    await settle();
    expect(emptied).toBe(false);
    registry.closeAll(Close.draining);
    await waiting;
    expect(await held.closed).toEqual({ code: 1012, reason: "service restart" });
  });

  test("`emptied` gives up in the end, and is over at once where there is nobody", async () => {
    const { gateway, clock, registry } = await start();
    await using _gateway = gateway;
    await registry.emptied(1_000);
    await gateway.enter((await gateway.person()).token);
    const waiting = registry.emptied(1_000);
    clock.advance(1_000);
    await waiting;
    expect(registry.size).toBe(1);
  });

  test("notes when a device was last connected", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const { devices } = gateway.store;
    const { id } = await gateway.device();
    const socket = await gateway.enter(await gateway.token({ device: id }));
    clock.advance(5_000);
    socket.close();
    await socket.closed;
    const written = Promise.withResolvers<void>();
    const markSeen = devices.markSeen.bind(devices);
    devices.markSeen = (seen) => markSeen(seen).then(written.resolve);
    clock.advance(60_000);
    await written.promise;
    expect((await devices.find(id))?.last_seen).toBe(Date.UTC(2026, 0, 1) + 5_000);
  });
});
