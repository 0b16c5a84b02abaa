/** What a client makes of the messages it is sent. */
import { describe, expect, test } from "bun:test";
import { FAKE_EPOCH, FakeGateway } from "@qy-lty/testkit";
import { Driver } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";
import { back, elapsed } from "./support/steps.ts";

for (const row of drivers) {
  describe(row.language, () => {
    test("it introduces itself with its token, role and name, and never in the URL", async () => {
      await using gateway = FakeGateway.start();
      const options = { url: gateway.url, token: "t-1", role: "app", client_id: "phone", caps: ["sing", "dance"] };
      await using driver = await Driver.start(row, options);
      const connected = driver.connect();
      const connection = await gateway.accept();
      expect(connection.introduction).toMatchObject({
        token: "t-1",
        role: "app",
        client_id: "phone",
        caps: "sing,dance",
      });
      expect(connection.path).toBe("/ws/device/");
      expect(connection.introduction).not.toHaveProperty("seq");
      connection.greet({ consumer: "app:7:phone", device_id: null });
      expect(await connected).toMatchObject({ type: "connection_status", consumer: "app:7:phone" });
      expect(driver.events.map(({ state }) => state)).toEqual(["connecting", "connected"]);
    });

    test("messages are handled one after another, each acknowledged once it was handled", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "hold" });
      const connected = driver.connect();
      const connection = await gateway.greet({ top: 2 });
      await connected;
      connection.push({ seq: 1, message: "one" });
      connection.push({ seq: 2 });
      expect(await driver.next({ event: "message", message_id: "m1" })).toMatchObject({
        seq: 1,
        message: "one",
        redelivered: null,
      });
      expect([await driver.handled(), connection.acknowledged]).toEqual([["message m1"], []]);
      await driver.do("release");
      expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 1 });
      await driver.next({ event: "message", message_id: "m2" });
      await driver.do("release");
      expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 2 });
      expect(await driver.handled()).toEqual(["message m1", "handled m1", "message m2", "handled m2"]);
    });

    test("what was unacknowledged comes again, and is handled once", async () => {
      await using gateway = FakeGateway.start();
      const first = Promise.withResolvers<Awaited<ReturnType<FakeGateway["greet"]>>>();
      await using driver = await Driver.connected(row, { url: gateway.url, token: "t" }, async () => {
        first.resolve(await gateway.greet({ top: 3 }));
      });
      const connection = await first.promise;
      for (const seq of [1, 2]) connection.push({ seq });
      await connection.nextOfType("ack");
      await driver.next({ event: "handled", message_id: "m2" });
      connection.cut();
      await back(driver);
      const second = await gateway.accept();
      expect(second.introduction).toMatchObject({ epoch: FAKE_EPOCH, seq: "2", last: "m2" });
      // The acknowledgement of 2 was lost, and the server did not look at what the client said.
      second.greet({ acked: 1, top: 3 });
      second.push({ seq: 2, redelivered: true });
      second.push({ seq: 3 });
      await second.acknowledgement(3);
      expect((await driver.handled()).filter((line) => line.startsWith("message"))).toEqual([
        "message m1",
        "message m2",
        "message m3",
      ]);
    });

    test("the place is stored before the acknowledgement, and a new process goes on from it", async () => {
      await using gateway = FakeGateway.start();
      let storage: Record<string, string>;
      {
        await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
        await driver.on("note", { kind: "ok" });
        const connected = driver.connect();
        const connection = await gateway.greet({ top: 2 });
        await connected;
        connection.push({ seq: 1 });
        await connection.nextOfType("ack");
        storage = await driver.storage();
      }
      await using driver = await Driver.start(row, { url: gateway.url, token: "t", storage });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      const connection = await gateway.accept();
      expect(connection.introduction).toMatchObject({ epoch: FAKE_EPOCH, seq: "1", last: "m1" });
      connection.greet({ acked: 0, top: 2 });
      connection.push({ seq: 1, redelivered: true });
      connection.push({ seq: 2 });
      await connection.acknowledgement(2);
      expect(await driver.handled()).toEqual(["message m2", "handled m2"]);
    });

    test("a reset takes the new epoch, forgets the place and keeps the ids", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      const connection = await gateway.greet({ top: 5 });
      connection.push({ seq: 5 });
      await connection.nextOfType("ack");
      connection.cut();
      await back(driver);
      const second = await gateway.greet({ epoch: "epoch-2", acked: 3, top: 4 });
      second.say({ type: "reset", epoch: "epoch-2", lost: { from: 4, to: 5 } });
      expect(await driver.next({ event: "reset", epoch: "epoch-2" })).toMatchObject({ lost: { from: 4, to: 5 } });
      second.push({ seq: 4, message_id: "m5" });
      expect(await second.nextOfType("ack")).toEqual({ type: "ack", seq: 4 });
      expect(await driver.handled()).toEqual(["message m5", "handled m5"]);
      second.cut();
      await back(driver);
      expect((await gateway.accept()).introduction).toMatchObject({ epoch: "epoch-2", seq: "4", last: "m5" });
    });

    test("a skip is told, and the next acknowledgement goes beyond it", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      const connection = await gateway.greet({ top: 4 });
      connection.say({ type: "skip", seq: 3, reason: "expired" });
      expect(await driver.next({ event: "skip", reason: "expired" })).toMatchObject({ seq: 3 });
      connection.push({ seq: 4 });
      expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 4 });
    });

    test("a message that the log does not keep is handled and not acknowledged", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      const connection = await gateway.greet({ top: 1 });
      connection.say({ type: "note", message: "to all", message_id: "live" });
      connection.push({ seq: 1 });
      await connection.nextOfType("ack");
      expect(await driver.handled()).toEqual(["message live", "handled live", "message m1", "handled m1"]);
      expect(connection.acknowledged).toEqual([1]);
    });

    test("messages wait while nobody listens at all; of a type that nobody listens to, they are acknowledged", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      const connected = driver.connect();
      const connection = await gateway.greet({ top: 2 });
      await connected;
      connection.push({ seq: 1, type: "other" });
      connection.push({ seq: 2 });
      await elapsed(driver, connection, 1_000);
      expect(connection.acknowledged).toEqual([]);
      await driver.on("note", { kind: "ok" });
      await connection.acknowledgement(2);
      expect(await driver.handled()).toEqual(["message m2", "handled m2"]);
    });
  });
}
