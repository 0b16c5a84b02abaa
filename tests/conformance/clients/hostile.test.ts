/** A server that does not speak the protocol, or means ill: a client keeps its messages, its pace and its life. */
import { describe, expect, test } from "bun:test";
import { type FakeConnection, FakeGateway } from "@qy-lty/testkit";
import { within } from "../../e2e/support/wait.ts";
import { Driver } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";
import { type Answer, greetedThen, RawServer, rawFrame, upgrade } from "./support/raw-server.ts";
import { back, elapsed, read } from "./support/steps.ts";

/** A client gives a handshake and a greeting no longer. */
const GREETING_MS = 20_000;
const STEP_MS = 1_000;
const PATIENCE_MS = 30_000;
/** It comes back after an hour at the latest, whatever it is told. */
const LONGEST_MS = 3_600_000;
const NO_FRAMES = ["", "{", "null", "7", '"text"', "[]", "{}", '{"type":7}', "[".repeat(50_000), '{"type":"notice"}'];
/** As JSON, so that there are numbers that JavaScript does not have. */
const NONSENSE = ["null", "true", "-1", "1.5", "1e40", `1${"0".repeat(400)}`, '"x"', "[]", "{}", '"\\ud800"'];
const CONTROL = ["skip", "reset", "bye", "error", "pong", "ack", "auth"];

const text = (head: string): Answer => {
  return (socket) => socket.end(head);
};
/** Answers that make no connection, or end it at once. */
const NO_SERVERS: Readonly<Record<string, Answer>> = {
  "no HTTP": text("SSH-2.0-OpenSSH_9.6\r\n"),
  "a page": text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
  "a redirect": text("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"),
  "an end": (socket) => socket.destroy(),
  "a key that is none": (socket) => upgrade(socket, "other"),
  "another subprotocol": (socket, key) => upgrade(socket, key, "Sec-WebSocket-Protocol: graphql-ws\r\n"),
  "text that is no UTF-8": greetedThen(rawFrame(0x81, Buffer.from([0xff, 0xfe]))),
  "an opcode that is none": greetedThen(rawFrame(0x83, "x")),
  "a reserved bit": greetedThen(rawFrame(0xf1, "x")),
  "a close code that is none": greetedThen(rawFrame(0x88, Buffer.from([0x00, 0x01]))),
  "half a close code": greetedThen(rawFrame(0x88, Buffer.from([0x03]))),
  "a frame without end": greetedThen(Buffer.from([0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
};

for (const row of drivers) {
  describe(row.language, () => {
    async function greeted(gateway: FakeGateway, greeting: object = {}, options = {}) {
      const driver = await Driver.start(row, { url: gateway.url, token: "t", ...options });
      await driver.on("note", { kind: "ok" });
      const connected = driver.connect();
      const connection = await gateway.greet(greeting);
      await connected;
      return { driver, connection };
    }

    /** It is well: it handles a message, and acknowledges it. */
    async function works(driver: Driver, connection: FakeConnection, seq: number): Promise<void> {
      connection.push({ seq });
      await connection.acknowledgement(seq);
      expect(await driver.handled()).toContain(`handled m${seq}`);
    }

    test("text that is no frame is passed over", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      for (const text of NO_FRAMES) connection.sayText(text);
      await works(driver, connection, 1);
      expect(gateway.handshakes).toBe(1);
    });

    test("members that are nonsense do no harm, on this connection and at the next", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      for (const value of NONSENSE) {
        for (const type of [...CONTROL, "note"])
          connection.sayText(
            `{"type":"${type}","seq":${value},"message_id":${value},"epoch":${value},"id":${value},"code":${value},"reason":${value},"lost":${value},"retry_min_ms":${value},"retry_max_ms":${value},"retry_after_ms":${value},"timestamp":${value}}`,
          );
        connection.sayText(`{"type":"note","message_id":"live","seq":${value}}`);
        connection.sayText(`{"type":"note","message_id":${JSON.stringify("x".repeat(100_000))},"seq":1}`);
      }
      await works(driver, connection, 7);
      connection.cut();
      expect(await back(driver)).toBeLessThanOrEqual(1.5 * LONGEST_MS);
      const { introduction } = await gateway.accept();
      expect(JSON.stringify(introduction).length).toBeLessThan(1_000);
    });

    test("a greeting of nonsense: it goes on, pings at a pace, and comes back", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "ok" });
      void driver.begin("connect");
      for (const value of NONSENSE) {
        const connection = await gateway.accept();
        connection.sayText(
          `{"type":"connection_status","consumer":${value},"epoch":${value},"acked":${value},"top":${value},"heartbeat_ms":${value},"ack_window":${value},"protocol":${value}}`,
        );
        await driver.next({ event: "state", state: "connected" });
        await read(driver, connection);
        await driver.advance(5_000);
        await read(driver, connection);
        expect(connection.frames.all.filter(({ type }) => type === "ping").length).toBeLessThanOrEqual(5);
        connection.cut();
        await back(driver);
      }
    });

    test("before the greeting nothing is handled; a second greeting, or another epoch, resets nothing", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "ok" });
      const connected = driver.connect();
      const connection = await gateway.accept();
      connection.push({ seq: 1 });
      connection.greet({ top: 9 });
      await connected;
      await works(driver, connection, 2);
      connection.greet({ epoch: "other", acked: 8 });
      await works(driver, connection, 3);
      expect(await driver.handled()).toEqual(["message m2", "handled m2", "message m3", "handled m3"]);
      connection.cut();
      await back(driver);
      expect((await gateway.accept()).introduction).toMatchObject({ epoch: "epoch-1", seq: "3", last: "m3" });
    });

    test("another epoch, and no reset to say so: the place of the old one is not claimed of the new", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { top: 9 });
      await using _ = driver;
      await works(driver, connection, 9);
      connection.cut();
      await back(driver);
      const second = await gateway.greet({ epoch: "epoch-2", acked: 0, top: 3 });
      await works(driver, second, 3);
      second.cut();
      await back(driver);
      expect((await gateway.accept()).introduction).toMatchObject({ epoch: "epoch-2", seq: "3", last: "m3" });
    });

    test("a seq that goes back is handled, and the acknowledgement does not go back with it", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { top: 9 });
      await using _ = driver;
      await works(driver, connection, 5);
      connection.push({ seq: 3 });
      connection.push({ seq: 5, message_id: "again" });
      connection.push({ seq: 5 });
      await works(driver, connection, 6);
      expect((await driver.handled()).filter((line) => line.startsWith("handled"))).toEqual([
        ...["handled m5", "handled m3", "handled again", "handled m6"],
      ]);
      expect(connection.acknowledged).toEqual([5, 6]);
      connection.cut();
      await back(driver);
      expect((await gateway.accept()).introduction).toMatchObject({ seq: "6", last: "m6" });
    });

    test("a message of the type `*` is handled once", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("*", { kind: "ok" });
      const connected = driver.connect();
      const connection = await gateway.greet({ top: 9 });
      await connected;
      connection.push({ seq: 1, type: "*" });
      await connection.nextOfType("ack");
      expect((await driver.handled()).filter((line) => line === "handled m1")).toHaveLength(1);
    });

    test("who sends without end to a handler that is at work is left", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      await driver.on("note", { kind: "hold" });
      const connected = driver.connect();
      const connection = await gateway.greet({ top: 9 });
      await connected;
      for (let seq = 1; seq <= 6_000; seq++) connection.push({ seq });
      await connection.closed;
      await back(driver);
      const second = await gateway.greet({ top: 9 });
      await driver.do("release");
      second.push({ seq: 1, redelivered: true });
      expect(await second.nextOfType("ack")).toEqual({ type: "ack", seq: 1 });
    });

    test("a frame of two million characters ends the connection, and not the client", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway, { top: 9 });
      await using _ = driver;
      connection.push({ seq: 1, message: "x".repeat(2_000_000) });
      await back(driver);
      await works(driver, await gateway.greet({ top: 9 }), 2);
    });

    for (const code of [1001, 1011, 3000, 4100, 4999]) {
      test(`${code}, which nobody has heard of: it comes back`, async () => {
        await using gateway = FakeGateway.start();
        const { driver, connection } = await greeted(gateway);
        await using _ = driver;
        connection.close(code, "\u0000 no reason");
        await back(driver);
        await works(driver, await gateway.greet({ top: 9 }), 1);
      });
    }

    test("a server that takes the socket and does not greet is left, and tried again", async () => {
      await using gateway = FakeGateway.start();
      await using driver = await Driver.start(row, { url: gateway.url, token: "t" });
      const connected = driver.connect();
      const connection = await gateway.accept();
      await driver.advance(GREETING_MS);
      await connection.closed;
      await back(driver);
      await gateway.greet();
      await connected;
    });

    test("one that takes the connection and answers nothing at all, too", async () => {
      await using silent = await RawServer.start();
      await using driver = await Driver.start(row, { url: silent.url, token: "t" });
      void driver.begin("connect");
      await silent.takes(1);
      await driver.advance(GREETING_MS);
      await back(driver);
      await silent.takes(2);
    });

    for (const [what, answer] of Object.entries(NO_SERVERS)) {
      test(`${what} in place of a gateway: it comes back, and is well where there is one`, async () => {
        await using server = await RawServer.start();
        await using driver = await Driver.start(row, { url: server.url, token: "t" });
        await driver.on("note", { kind: "ok" });
        server.answer = answer;
        void driver.begin("connect");
        await within(server.takes(1), "the handshake", PATIENCE_MS);
        server.answer = greetedThen(rawFrame(0x81, '{"type":"note","message_id":"m1","seq":1}'));
        // Where the other end does not close, silence shows it: a heartbeat, the time of a pong, and the wait after that.
        while (!(await driver.handled()).includes("handled m1")) await driver.advance(STEP_MS);
      });
    }

    test("one that stops reading and answering is found out by its silence", async () => {
      await using gateway = FakeGateway.start();
      const { driver, connection } = await greeted(gateway);
      await using _ = driver;
      connection.pongs = false;
      await elapsed(driver, connection, 1_000);
      await driver.advance(30_000);
      await driver.advance(10_500);
      await connection.closed;
      await back(driver);
      await gateway.greet();
    });
  });
}
