/** Questions and their replies. */
import { describe, expect, test } from "bun:test";
import { FakeGateway } from "@qy-lty/testkit";
import { Driver } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";
import { back } from "./support/steps.ts";

for (const row of drivers) {
  describe(row.language, () => {
    async function greeted(gateway: FakeGateway) {
      const driver = await Driver.start(row, { url: gateway.url, token: "t" });
      const connected = driver.connect();
      const connection = await gateway.greet();
      await connected;
      return { driver, connection };
    }

    test("a request gets the reply of its id, whatever comes between", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const [one, two] = [1, 2].map(
        (n) => driver.begin("request", { type: "weather", message: { city: `c${n}` } }).answer,
      );
      const first = await connection.nextOfType("weather");
      const second = await connection.nextOfType("weather");
      expect([first.message, second.message]).toEqual([{ city: "c1" }, { city: "c2" }]);
      connection.say({ type: "weather_response", id: String(second.id), data: 2 });
      connection.push({ seq: 1 });
      connection.say({ type: "weather_response", id: String(first.id), data: 1 });
      expect(await Promise.all([one, two])).toMatchObject([{ data: 1 }, { data: 2 }]);
    });

    test("an error frame rejects it with its code", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const { answer } = driver.begin("request", { type: "weather", message: { city: "nowhere" } });
      const { id } = await connection.nextOfType("weather");
      connection.say({
        type: "error",
        id: String(id),
        code: "CITY_NOT_FOUND",
        message: "Weather query failed: city not found",
      });
      await expect(answer).rejects.toMatchObject({ code: "CITY_NOT_FOUND" });
    });

    test("one under way when the connection breaks is asked again under the same id", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const { answer } = driver.begin("request", { type: "sing", message: { song: "s" } });
      const { id } = await connection.nextOfType("sing");
      connection.cut();
      await back(driver);
      const second = await gateway.greet();
      expect(await second.nextOfType("sing")).toMatchObject({ id, message: { song: "s" } });
      second.say({ type: "sing_response", id: String(id), data: {} });
      expect(await answer).toMatchObject({ type: "sing_response" });
    });

    test("one that was asked before there was a connection goes out once there is", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      void driver.begin("connect");
      const connection = await gateway.accept();
      const { answer } = driver.begin("request", { type: "ping" });
      await driver.storage();
      connection.greet();
      expect(await answer).toMatchObject({ type: "pong" });
    });

    test("without a reply it gives up after 30 s, or when it was told to", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const short = driver.begin("request", { type: "weather", timeout_ms: 2_000 }).answer;
      const long = driver.begin("request", { type: "weather" }).answer;
      const aborted = driver.begin("request", { type: "weather" });
      for (let n = 0; n < 3; n++) await connection.nextOfType("weather");
      await driver.do("abort", { request: aborted.id });
      await expect(aborted.answer).rejects.toThrow();
      await driver.advance(2_100);
      await expect(short).rejects.toMatchObject({ code: "TIMEOUT" });
      await driver.advance(28_000);
      await expect(long).rejects.toMatchObject({ code: "TIMEOUT" });
    });

    test("100 wait while there is no connection, and no more", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      void driver.begin("connect");
      const connection = await gateway.accept();
      const waiting = Array.from({ length: 100 }, () => driver.begin("request", { type: "ping" }).answer);
      await expect(driver.do("request", { type: "ping" })).rejects.toMatchObject({ code: "OUTBOX_FULL" });
      connection.greet();
      expect((await Promise.all(waiting)).length).toBe(100);
    });

    test("a frame that the server would close the connection over is not sent", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      const message = "\u4f60".repeat(22_000);
      await expect(driver.do("request", { type: "chat_message", message })).rejects.toMatchObject({
        code: "MESSAGE_TOO_LARGE",
      });
      expect(await driver.do("request", { type: "ping" })).toMatchObject({ type: "pong" });
      expect(connection.frames.all.some(({ type }) => type === "chat_message")).toBe(false);
    });
  });
}
