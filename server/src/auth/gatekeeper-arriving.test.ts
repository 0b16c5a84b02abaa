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
