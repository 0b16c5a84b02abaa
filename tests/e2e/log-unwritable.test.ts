import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { expectFailure, expectSuccess } from "./support/expect.ts";
import { companion, person } from "./support/people.ts";
import {
  acknowledge,
  type Pushed,
  push,
  pushMany,
  quiet,
  range,
  reliable,
  seqs,
  states,
  take,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";

const SENT = "消息发送成功";

let server: TestServer;

beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

const send = (user: { readonly id: number }, message: unknown) =>
  server.api("POST", "/api/messages/", { body: { type: "note", message, user_id: user.id } });

describe("while the database cannot be written", () => {
  /** Ways for that to happen to a server that runs; each answers how it ends. */
  const ways: Record<string, () => () => void> = {
    "because a file of it may not grow": () => {
      const size = statSync(`${server.database}-wal`).size;
      limitFileSize(String(Math.max(size, 1)));
      return () => limitFileSize("unlimited");
    },
    "because another process holds it for longer than anybody waits": () => {
      const other = new Database(server.database);
      other.run("BEGIN IMMEDIATE");
      return () => {
        other.run("ROLLBACK");
        other.close();
      };
    },
  };

  for (const [name, begin] of Object.entries(ways)) {
    test(`${name}, pushes are 503 and never 2xx; then everything goes on, without a gap`, async () => {
      const user = await person(server);
      const device = await companion(server, user);
      await pushMany(server, user, 2);
      using socket = await reliable(server, device);
      await take(socket, 2);
      const end = begin();
      try {
        const refused = await Promise.all(range(1, 10).map((n) => send(user, `refused ${n}`)));
        for (const answer of refused) {
          expectFailure(answer, 503, "UNAVAILABLE");
          expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        }
        // Nobody was told of what was not taken; and whoever is there is still answered.
        expect(await quiet(socket)).toEqual([]);
        expect(await acknowledge(socket, 2)).toEqual([]);
      } finally {
        end();
      }
      const next = expectSuccess(await send(user, "taken"), 200, SENT) as Pushed;
      expect(next.seq).toBe(3);
      expect(await socket.next()).toMatchObject({ seq: 3, message: "taken" });
      // Answered once cursors are written.
      await states(server, next);
      await server.restart("SIGKILL");
      using again = await reliable(server, device);
      expect(again.greeting.top).toBe(3);
      expect(again.greeting.acked).toBe(2);
      expect(seqs(await take(again, 1))).toEqual([3]);
    }, 120_000);
  }

  test("a push that is under way is 503 or durable, nothing between", async () => {
    const user = await person(server);
    const device = await companion(server, user);
    const taken: number[] = [];
    let failed = 0;
    let end: (() => void) | undefined;
    const sending = range(1, 40).map(async () => {
      // Ten at a time and on, so that some are always at the disk.
      for (const n of range(1, 10)) {
        const answer = await send(user, n);
        if (answer.status === 200) taken.push((answer.body.data as Pushed).seq);
        else {
          expectFailure(answer, 503, "UNAVAILABLE");
          failed += 1;
        }
        if (taken.length >= 100) end ??= ways["because a file of it may not grow"]?.();
      }
    });
    await Promise.all(sending);
    end?.();
    expect(taken.length).toBeGreaterThanOrEqual(100);
    expect(failed).toBeGreaterThan(0);
    await server.restart("SIGKILL");
    const next = await push(server, user, "after");
    expect(taken.toSorted((a, b) => a - b)).toEqual(range(1, next.seq - 1));
    using socket = await reliable(server, device);
    expect(socket.greeting.top).toBe(next.seq);
  }, 120_000);
});

/** The server's process may write no file past so many bytes. */
function limitFileSize(bytes: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["prlimit", "--pid", String(server.pid), `--fsize=${bytes}:unlimited`]);
  if (exitCode !== 0) throw new Error(`prlimit: ${stderr}`);
}
