/** Clients with the machine's clock, beside a real server that is killed and started again. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../e2e/support/command.ts";
import { companion, issue, person } from "../../e2e/support/people.ts";
import { push, range } from "../../e2e/support/reliable.ts";
import { TestServer } from "../../e2e/support/server.ts";
import { Driver } from "./support/driver.ts";
import { drivers } from "./support/drivers.ts";

interface Exchange {
  readonly name: string;
  readonly send?: { readonly type: string; readonly message?: unknown } | string;
  readonly expect: Readonly<Record<string, unknown>>;
}

const FIXTURES = join(ROOT, "protocol", "fixtures");
const exchanges = await Promise.all(
  readdirSync(FIXTURES).map(
    async (file) => (await Bun.file(join(FIXTURES, file)).json()) as { exchanges: readonly Exchange[] },
  ),
);
/** What a client can ask: a whole frame, without an id of the fixture's own. */
const asked = exchanges.flatMap(({ exchanges }) =>
  exchanges.filter(({ send }) => typeof send === "object" && "type" in send && typeof send.type === "string"),
);

for (const row of drivers) {
  describe(row.language, () => {
    /** A device of somebody's, connected, with a handler. */
    async function device(server: TestServer) {
      const owner = await person(server);
      const { token } = await companion(server, owner);
      const driver = await Driver.start(row, { url: server.url, token, clock: "system" });
      await driver.on("note", { kind: "ok" });
      await driver.connect();
      return { owner, driver };
    }

    test("every exchange of the fixtures that is a question is answered as it says", async () => {
      await using server = await TestServer.start();
      const alice = await person(server);
      await using driver = await Driver.start(row, { url: server.url, token: alice.token, clock: "system" });
      await driver.connect();
      for (const { name, send, expect: wanted } of asked) {
        const { type, message } = send as { type: string; message?: unknown };
        const { id: _, ...rest } = wanted;
        const answer = await driver
          .do("request", { type, ...(message !== undefined && { message }) })
          .catch((error: unknown) => error);
        if (wanted.type === "error") expect(answer, name).toMatchObject({ code: wanted.code });
        else expect(answer, name).toMatchObject(rest);
      }
      expect(asked.length).toBeGreaterThan(10);
    });

    test("a device misses nothing while the server is killed twice, and handles nothing twice", async () => {
      await using server = await TestServer.start();
      const { port } = server;
      const { owner, driver } = await device(server);
      await using _ = driver;
      for (let n = 1; n <= 30; n++) {
        await push(server, owner, n);
        if (n % 10 === 0 && n < 30) {
          await server.end("SIGKILL");
          await server.serve(port);
        }
      }
      while (driver.handling.filter((line) => line.startsWith("handled")).length < 30)
        await driver.next({ event: "handled" });
      const said = driver.events.filter(({ event }) => event === "message").map(({ message }) => message);
      expect(said).toEqual(range(1, 30));
    });

    test("a server that drains says bye, and the client comes back to the next", async () => {
      await using server = await TestServer.start();
      const { port } = server;
      const { owner, driver } = await device(server);
      await using _ = driver;
      await server.end("SIGTERM");
      const { delay_ms } = await driver.next({ event: "state", state: "waiting" });
      expect(delay_ms).toBeWithin(500, 5_001);
      await server.serve(port);
      await push(server, owner, "after");
      await driver.next({ event: "message", message: "after" });
    });

    test("a token that expires is asked for anew, and no message is lost", async () => {
      await using server = await TestServer.start();
      const owner = await person(server);
      const device = await companion(server, owner);
      const { token } = await issue(server, { device_id: device.id }, 1);
      const tokens = [token, device.token];
      await using driver = await Driver.start(row, { url: server.url, tokens, clock: "system" });
      await driver.on("note", { kind: "ok" });
      await driver.connect();
      await push(server, owner, 1);
      await driver.next({ event: "state", state: "waiting" });
      await push(server, owner, 2);
      await driver.next({ event: "message", message: 2 });
      expect(driver.events.filter(({ event }) => event === "message").map(({ message }) => message)).toEqual([1, 2]);
    });

    test("a token that has expired before it is used: another is asked for, and no message is lost", async () => {
      await using server = await TestServer.start();
      const owner = await person(server);
      const device = await companion(server, owner);
      await push(server, owner, 1);
      const tokens = ["lty_unknown", device.token];
      await using driver = await Driver.start(row, { url: server.url, tokens, clock: "system" });
      await driver.on("note", { kind: "ok" });
      await driver.connect();
      await driver.next({ event: "message", message: 1 });
    });

    test("a revoked token ends it", async () => {
      await using server = await TestServer.start();
      const owner = await person(server);
      await using driver = await Driver.start(row, { url: server.url, token: owner.token, clock: "system" });
      await driver.connect();
      await server.data("PATCH", `/api/users/${owner.id}/`, { is_active: false });
      await driver.next({ event: "state", state: "closed", code: 4010 });
    });
  });
}
