import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";
import { SWEEP_MS } from "./sweep.ts";

describe("when every hint is lost", () => {
  test(`what was taken is sent within two sweeps of ${SWEEP_MS / 1000} s, to everybody, in order`, async () => {
    const clock = new ManualClock();
    await using gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
    const { delivery } = gateway.gateway;
    Object.assign(delivery, { accepted: () => {} });
    const people = [await gateway.person(), await gateway.person(), await gateway.person()];
    const sockets = [];
    for (const { id } of people) {
      const device = await gateway.device({ userId: id });
      const query = `token=${await gateway.token({ device: device.id })}`;
      const socket = await gateway.connect(query, { protocols: ["lty.v1"] });
      await socket.next();
      sockets.push(socket);
    }
    for (const { id } of people) {
      for (const message of [1, 2]) await delivery.toUser(id, { type: "note", message });
    }
    for (const socket of sockets) expect(socket.frames).toHaveLength(1);
    for (let passed = 0; passed < 2 * SWEEP_MS; passed += 50) {
      clock.advance(50);
      await new Promise(setImmediate);
    }
    for (const socket of sockets)
      expect(socket.frames).toMatchObject([{ type: "connection_status" }, { seq: 1 }, { seq: 2 }]);
  });
});
