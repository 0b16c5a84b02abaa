/** Handlers that take their time, throw, or leave their loop. */
import { describe, expect, test } from "bun:test";
import { type FakeConnection, FakeGateway } from "@qy-lty/testkit";
import { type Behaviour, Driver, DriverError } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";
import { back, elapsed, read } from "./support/steps.ts";

const MINUTE_MS = 60_000;

for (const row of drivers) {
  describe(row.language, () => {
    async function greeted(gateway: FakeGateway, behaviour: Behaviour) {
      const driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", behaviour);
      const connected = driver.connect();
      const connection = await gateway.greet({ top: 9 });
      await connected;
      return { driver, connection };
    }

    /** The first message ran once, and is acknowledged. */
    async function handledOnce(driver: Driver, connection: FakeConnection): Promise<void> {
      await connection.acknowledgement(1);
      expect(connection.acknowledged).toEqual([1]);
      expect(await driver.handled()).toEqual(["message m1", "handled m1"]);
    }

    test("a handler of 5 minutes runs once, and says every 10 s that it is at work", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { kind: "slow", ms: 5 * MINUTE_MS });
      await using _ = driver;
      connection.push({ seq: 1 });
      await driver.next({ event: "message", message_id: "m1" });
      await elapsed(driver, connection, 5 * MINUTE_MS - 5_000);
      const said = connection.frames.all.filter(({ type }) => type === "ack");
      expect(said.length).toBeWithin(28, 31);
      for (const frame of said) expect(frame).toEqual({ type: "ack", seq: 0, working: true });
      await elapsed(driver, connection, 6_000);
      await handledOnce(driver, connection);
    });

    test("it runs once also when its connection breaks meanwhile, and the message comes again", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { kind: "hold" });
      await using _ = driver;
      connection.push({ seq: 1 });
      await driver.next({ event: "message", message_id: "m1" });
      connection.cut();
      await back(driver);
      const second = await gateway.greet({ top: 9 });
      second.push({ seq: 1, redelivered: true });
      await elapsed(driver, second, 11_000);
      expect(second.acknowledged).toEqual([]);
      expect(await second.nextOfType("ack")).toEqual({ type: "ack", seq: 0, working: true });
      await driver.do("release");
      await handledOnce(driver, second);
    });

    test("it ends while there is no connection: acknowledged when the message comes again", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { kind: "hold" });
      await using _ = driver;
      connection.push({ seq: 1 });
      await driver.next({ event: "message", message_id: "m1" });
      connection.cut();
      const waiting = await driver.next({ event: "state", state: "waiting" });
      await driver.do("release");
      await driver.next({ event: "handled", message_id: "m1" });
      await driver.advance(Number(waiting.delay_ms) + 1);
      const second = await gateway.greet({ top: 9 });
      second.push({ seq: 1, redelivered: true });
      expect(await second.nextOfType("ack")).toEqual({ type: "ack", seq: 1 });
      expect(await driver.handled()).toEqual(["message m1", "handled m1"]);
    });

    test("a handler that throws acknowledges nothing; the message comes again on another connection", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { kind: "throw", times: 2 });
      await using _ = driver;
      let here = connection;
      for (let attempt = 0; attempt < 2; attempt++) {
        here.push({ seq: 1, ...(attempt > 0 && { redelivered: true }) });
        here.push({ seq: 2, ...(attempt > 0 && { redelivered: true }) });
        await driver.next({ event: "failed", message_id: "m1" });
        await driver.next({ event: "error" });
        await elapsed(driver, here, 4_500);
        await driver.advance(6_000);
        await here.closed;
        expect(here.frames.all.filter(({ type }) => type === "ack")).toEqual([]);
        await back(driver);
        here = await gateway.greet({ top: 9 });
      }
      here.push({ seq: 1, redelivered: true });
      here.push({ seq: 2, redelivered: true });
      await here.acknowledgement(2);
      expect(await driver.handled()).toEqual([
        ...["message m1", "failed m1", "message m1", "failed m1"],
        ...["message m1", "handled m1", "message m2", "handled m2"],
      ]);
    });

    test("a loop acknowledges a message when it asks for the next", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      const { answer } = driver.begin("messages", { behaviour: { kind: "hold" } });
      void driver.begin("connect");
      const connection = await gateway.greet({ top: 2 });
      connection.push({ seq: 1 });
      connection.push({ seq: 2 });
      await driver.next({ event: "message", message_id: "m1" });
      await read(driver, connection);
      expect(connection.acknowledged).toEqual([]);
      await driver.do("release");
      await driver.next({ event: "message", message_id: "m2" });
      expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 1 });
      await driver.do("release");
      expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 2 });
      await driver.do("close");
      await answer;
    });

    test("what a loop was left with waits for the next loop, also where a handler has handled it", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      const { answer } = driver.begin("messages", { behaviour: { kind: "break", after: 1 } });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      const connection = await gateway.greet({ top: 2 });
      connection.push({ seq: 1 });
      connection.push({ seq: 2 });
      await answer;
      await elapsed(driver, connection, 1_000);
      expect(connection.acknowledged).toEqual([]);
      void driver.begin("messages", { behaviour: { kind: "ok" } });
      await connection.acknowledgement(2);
      // By the handler once, by the loop that was left, and by the next.
      expect((await driver.handled()).filter((line) => line === "message m1")).toHaveLength(3);
    });

    for (const kind of ["leave", "break"] as const) {
      test(`the message that a loop was left with (${kind}) is not handled: the next loop begins with it`, async () => {
        await using gateway = FakeGateway.start();
        await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
        const { answer } = driver.begin("messages", { behaviour: { kind, after: 2 } });
        void driver.begin("connect");
        const connection = await gateway.greet({ top: 3 });
        for (const seq of [1, 2, 3]) connection.push({ seq });
        const error = await answer.catch((error: unknown) => error);
        expect(error instanceof DriverError).toBe(kind === "leave");
        await driver.next({ event: "message", message_id: "m2" });
        await connection.acknowledgement(1);
        await elapsed(driver, connection, 1_000);
        expect(connection.acknowledged).toEqual([1]);
        void driver.begin("messages", { behaviour: { kind: "ok" } });
        await connection.acknowledgement(3);
        await driver.handled();
        const begun = driver.events.filter(({ event }) => event === "message").map(({ message_id }) => message_id);
        expect(begun.filter((id) => id === "m3")).toHaveLength(1);
        expect(begun.indexOf("m2")).toBeLessThan(begun.lastIndexOf("m2"));
      });
    }
  });
}
