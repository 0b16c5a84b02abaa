/** When a client comes back, and when it does not. */
import { describe, expect, test } from "bun:test";
import { Close, type CloseReason } from "@qy-lty/protocol";
import { type FakeConnection, FakeGateway } from "@qy-lty/testkit";
import { Driver, DriverError } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";
import { back, elapsed, read } from "./support/steps.ts";

const closes: readonly CloseReason[] = Object.values(Close);
const CAP_MS = 30_000;

for (const row of drivers) {
  describe(row.language, () => {
    async function greeted(gateway: FakeGateway, options = {}) {
      const driver = await Driver.start(row, { url: gateway.url, token: "t", ...options });
      const connected = driver.connect();
      const connection = await gateway.greet();
      await connected;
      await driver.next({ event: "state", state: "connected" });
      return { driver, connection };
    }

    for (const { code, reason, next } of closes) {
      test(`${code} ${reason}: ${next}`, async () => {
        await using gateway = FakeGateway.start();
        const { driver, connection } = await greeted(gateway);
        await using _ = driver;
        const asked = driver.begin("request", { type: "weather" }).answer;
        await connection.nextOfType("weather");
        connection.close(code, reason);
        if (next === "reconnect") {
          await back(driver);
          expect((await gateway.greet()).path).toBe("/ws/device/");
          return;
        }
        await driver.next({ event: "state", state: "closed", code });
        await expect(asked).rejects.toMatchObject({ code });
        await driver.advance(2 * CAP_MS);
        expect(gateway.handshakes).toBe(1);
      });
    }

    for (const code of [4001, 4002, 4003]) {
      test(`${code} in place of a greeting: connect() fails with it`, async () => {
        await using gateway = FakeGateway.start();
        await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
        const connected = driver.connect();
        const connection = await gateway.accept();
        connection.say({ type: "error", code: "UNAUTHENTICATED", message: "Authentication required" });
        connection.close(code);
        const error = await connected.catch((error: unknown) => error);
        expect(error).toBeInstanceOf(DriverError);
        expect(error).toMatchObject({ code });
      });
    }

    test("it tries for ever, later each time up to 30 s, at random", async () => {
      await using gateway = FakeGateway.start();
      gateway.refusal = 503;
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      void driver.begin("connect");
      const delays: number[] = [];
      for (let attempt = 0; attempt < 24; attempt++) {
        delays.push(await back(driver));
        expect(delays[attempt]).toBeWithin(0, Math.min(CAP_MS, 1_000 * 2 ** attempt) + 1);
      }
      expect(new Set(delays).size).toBeGreaterThan(20);
      expect(Math.max(...delays)).toBeGreaterThan(5_000);
      const { delay_ms } = await driver.next({ event: "state", state: "waiting" });
      gateway.refusal = undefined;
      await driver.advance(Number(delay_ms) + 1);
      await gateway.greet();
      await driver.next({ event: "state", state: "connected" });
    });

    test("it begins anew after a connection of a minute, and not before", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      let here: FakeConnection = connection;
      const longest: number[] = [];
      for (let attempt = 0; attempt < 12; attempt++) {
        here.cut();
        longest.push(await back(driver));
        here = await gateway.greet();
        await driver.next({ event: "state", state: "connected" });
        await elapsed(driver, here, 5_000);
      }
      expect(Math.max(...longest)).toBeGreaterThan(1_000);
      await elapsed(driver, here, 60_000);
      here.cut();
      expect(await back(driver)).toBeLessThanOrEqual(1_000);
    });

    test("after a bye it comes back between the two times", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      connection.say({ type: "bye", reason: "try again later", retry_min_ms: 7_000, retry_max_ms: 7_500 });
      connection.close(1013);
      expect(await back(driver)).toBeWithin(7_000, 7_501);
    });

    test("after 4008 it does not come back before retry_after_ms", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      connection.say({ type: "error", code: "RATE_LIMITED", message: "Rate limit exceeded", retry_after_ms: 41_000 });
      connection.close(4008);
      expect(await back(driver)).toBeGreaterThanOrEqual(41_000);
    });

    test("each connection asks for a token anew", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { token: undefined, tokens: ["t-1", "t-2"] });
      await using _ = driver;
      expect(connection.introduction.token).toBe("t-1");
      connection.close(4012, "credential expired");
      await back(driver);
      expect((await gateway.accept()).introduction.token).toBe("t-2");
    });

    test("a token that was refused: it asks for another once, and stops where that is refused, too", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, tokens: ["t-1", "t-2", "t-3", "t-4"] });
      const connected = driver.connect();
      (await gateway.accept()).close(4001, "unauthenticated");
      await back(driver);
      const second = await gateway.greet();
      expect(second.introduction.token).toBe("t-2");
      await connected;
      second.close(4012, "credential expired");
      for (const token of ["t-3", "t-4"]) {
        await back(driver);
        const connection = await gateway.accept();
        expect(connection.introduction.token).toBe(token);
        connection.close(4001, "unauthenticated");
      }
      await driver.next({ event: "state", state: "closed", code: 4001 });
      await driver.advance(2 * CAP_MS);
      expect(gateway.handshakes).toBe(4);
    });

    test("the same token once more after it was refused: it stops, and does not try it again", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, tokens: ["t"] });
      const connected = driver.begin("connect").answer;
      (await gateway.accept()).close(4001, "unauthenticated");
      await back(driver);
      await expect(connected).rejects.toMatchObject({ code: 4001 });
      await driver.advance(2 * CAP_MS);
      expect(gateway.handshakes).toBe(1);
    });

    test("silence: a ping after heartbeat_ms, and 10 s later the connection is taken for dead", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      await elapsed(driver, connection, 30_000);
      expect(connection.frames.all.filter(({ type }) => type === "ping")).toEqual([]);
      connection.pongs = false;
      await driver.advance(30_500);
      await connection.nextOfType("ping");
      await driver.advance(9_000);
      expect(driver.events.at(-1)).not.toMatchObject({ state: "waiting" });
      await driver.advance(1_500);
      await back(driver);
      await gateway.accept();
    });

    test("a pong keeps it", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      await driver.advance(30_500);
      await connection.nextOfType("ping");
      await read(driver, connection);
      await driver.advance(20_000);
      expect(driver.events.some(({ state }) => state === "waiting")).toBe(false);
    });

    test("close() ends it: no request, no loop, no reconnect", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const loop = driver.begin("messages", { behaviour: { kind: "ok" } }).answer;
      const asked = driver.begin("request", { type: "weather" }).answer;
      await connection.nextOfType("weather");
      await driver.do("close");
      await connection.closed;
      await loop;
      await expect(asked).rejects.toMatchObject({ code: "CLOSED" });
      await driver.next({ event: "state", state: "closed", code: null });
      await driver.advance(2 * CAP_MS);
      expect(gateway.handshakes).toBe(1);
      await expect(driver.do("request", { type: "weather" })).rejects.toMatchObject({ code: "CLOSED" });
    });

    test("a server that goes away and comes back is found again", async () => {
      await using gateway = FakeGateway.start();
      const { driver } = await greeted(gateway);
      await using _ = driver;
      await gateway.stop();
      await back(driver);
      // The attempt that `back` made time for has failed before there is a server again: else it may find one.
      const { delay_ms } = await driver.next({ event: "state", state: "waiting" });
      gateway.restart();
      await driver.advance(Math.ceil(Number(delay_ms)) + 1);
      await gateway.greet();
      await driver.next({ event: "state", state: "connected" });
    });
  });
}
