import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway, type TestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("while the place of an app is being made in the log", () => {
  const cases: [string, (gateway: TestGateway) => Promise<unknown>, unknown][] = [
    ["its token is revoked", (gateway) => gateway.store.tokens.revoke(1), 4010],
    ["its user is disabled", (gateway) => gateway.store.users.change(1, { isActive: false }), 4010],
    ["nothing happens to it", async () => undefined, undefined],
  ];
  test.each(cases)("%s", async (_, change, code) => {
    const clock = new ManualClock();
    await using gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
    const { token } = await gateway.person();
    const { log } = gateway.store;
    const create = log.createCursorAtTop.bind(log);
    const disk = Promise.withResolvers<void>();
    log.createCursorAtTop = async (key) => {
      await disk.promise;
      return create(key);
    };
    const socket = await gateway.connect(`token=${token}&role=app&client_id=phone`);
    await change(gateway);
    clock.advance(250);
    await settle();
    disk.resolve();
    if (code === undefined) expect(await socket.next()).toMatchObject({ type: "connection_status" });
    else {
      expect(await socket.closed).toMatchObject({ code });
      await settle();
      expect(socket.frames).toEqual([]);
      expect(gateway.gateway.registry.size).toBe(0);
    }
  });
});

test("what is taken between the look at the log and the greeting is sent, without the sweep", async () => {
  await using gateway = await startTestGateway({ transport: new MemoryTransport(), clock: new ManualClock() });
  const { id } = await gateway.person();
  const device = await gateway.device({ userId: id });
  const { log } = gateway.store;
  const position = log.position.bind(log);
  const disk = Promise.withResolvers<void>();
  log.position = async (userId) => {
    const found = position(userId);
    await disk.promise;
    return found;
  };
  const socket = await gateway.connect(`token=${await gateway.token({ device: device.id })}`, {
    protocols: ["lty.v1"],
  });
  await settle();
  await gateway.gateway.delivery.toUser(id, { type: "note", message: "meanwhile" });
  disk.resolve();
  expect(await socket.next()).toMatchObject({ type: "connection_status", top: 0 });
  expect(await socket.next()).toMatchObject({ message: "meanwhile", seq: 1 });
});
