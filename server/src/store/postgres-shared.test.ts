import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import type { CursorUpdate } from "./log-store.ts";
import { PostgresStore } from "./postgres.ts";
import { acceptMany, ackedBy, START } from "./testing/log-under-test.ts";
import { PostgresDatabases } from "./testing/postgres-database.ts";

const databases = new PostgresDatabases();
const USER = { userId: 1, consumer: "user:1" };

describe("a consumer that two nodes hold", () => {
  let url: string;
  let a: PostgresStore;
  let b: PostgresStore;
  let claims: Map<PostgresStore, number>;
  let starts: Map<PostgresStore, number>;
  const clock = new ManualClock();
  beforeEach(async () => {
    url = await databases.make("peopled");
    [a, b] = [await begin(), await begin()];
    claims = new Map();
    starts = new Map();
    await acceptMany(a.log, 30);
  });
  afterEach(async () => {
    for (const store of [a, b]) await store.close();
  });

  async function begin(): Promise<PostgresStore> {
    const store = await PostgresStore.open(url, clock);
    await store.log.open();
    return store;
  }

  /** Answers after which message the connection starts that it is taken for; null: nobody else has, or had, a part in it. */
  async function claim(at: PostgresStore, takeover = false): Promise<number | null> {
    const { claim, isShared } = await at.shared.claim(USER);
    claims.set(at, claim);
    if (!isShared) return null;
    const { number, after } = await at.shared.start(USER, takeover);
    starts.set(at, number);
    return after;
  }

  function claimOf(at: PostgresStore): number {
    return claims.get(at) ?? 0;
  }

  async function save(at: PostgresStore, acked: number, update: Partial<CursorUpdate> = {}): Promise<number | null> {
    const { epoch } = await at.log.position(1);
    const progress = { epoch, acked, sent: acked, attempts: 0, lastSeen: START, started: starts.get(at) ?? 0 };
    await at.log.saveCursors([{ ...USER, ...progress, ...update }]);
    return ackedBy(at.log, update.consumer ?? USER.consumer);
  }

  function release(at: PostgresStore): Promise<void> {
    return at.shared.release([{ ...USER, claim: claimOf(at) }]);
  }

  test("has the least of both for its cursor, whoever is further", async () => {
    expect(await claim(a)).toBeNull();
    expect(await save(a, 3)).toBe(3);
    expect(await claim(b)).toBe(3);
    expect(await save(b, 10)).toBe(3);
    expect(await save(a, 5)).toBe(5);
    expect(await save(a, 20)).toBe(10);
    expect(await save(b, 12)).toBe(12);
  });

  test("is started from where those stand who are asked to say so once it is claimed", async () => {
    await claim(a);
    await save(a, 3);
    await b.shared.claim(USER);
    expect(await save(a, 9)).toBe(9);
    expect((await b.shared.start(USER, false)).after).toBe(9);
  });

  test("stays where one stood that let go of it, until somebody claims it and starts there", async () => {
    await claim(a);
    await save(a, 5);
    await claim(b);
    await save(b, 10);
    await release(a);
    expect(await save(b, 20)).toBe(5);
    const before = starts.get(b) ?? 0;
    expect(await claim(b)).toBe(5);
    // Said before it had heard of the one who starts there.
    expect(await save(b, 20, { started: before })).toBe(5);
    expect(await save(b, 6)).toBe(6);
    expect(await save(b, 20)).toBe(20);
  });

  test("stays where one stood whose node died, but not where it died before somebody claimed it", async () => {
    await claim(a);
    await save(a, 5);
    await claim(b);
    await a.close();
    await b.shared.claim({ ...USER, consumer: "device:11" });
    expect(await save(b, 20)).toBe(5);
    a = await begin();
    expect(await claim(a)).toBe(5);
    expect(await save(a, 8)).toBe(8);
    await a.close();
    expect(await claim(b)).toBe(8);
    expect(await save(b, 20)).toBe(20);
    a = await begin();
  });

  test("knows nothing of who let go of it while a start was under way, nor of who was alone", async () => {
    await claim(a);
    await save(a, 5);
    await claim(b);
    await b.shared.claim(USER);
    // Twice is once.
    for (let n = 0; n < 2; n++) await release(a);
    expect((await b.shared.start(USER, false)).after).toBe(5);
    starts.set(b, Number.MAX_SAFE_INTEGER);
    expect(await save(b, 20)).toBe(20);
    await b.shared.release([{ ...USER, claim: Number.MAX_SAFE_INTEGER }]);
    expect(await claim(a)).toBeNull();
  });

  test("is another's alone who takes it over: what is said of it elsewhere counts no more, nor as it lets go", async () => {
    await claim(a);
    await save(a, 5);
    expect(await claim(b, true)).toBe(5);
    expect(await save(b, 20)).toBe(20);
    await release(a);
    expect(await save(b, 21)).toBe(21);
  });

  test("has a cursor at all where the first to say so has acknowledged nothing", async () => {
    await claim(a);
    expect(await claim(b)).toBe(0);
    expect(await save(b, 7)).toBe(0);
    expect(await save(a, 4)).toBe(4);
  });

  test("keeps its failed attempts where the cursor is held back", async () => {
    await claim(a);
    await save(a, 5, { attempts: 2 });
    await claim(b);
    await save(b, 9, { attempts: 4 });
    expect(await a.log.cursor(USER)).toMatchObject({ acked: 5, attempts: 2 });
  });

  test("of which one is known to be dead is held back by it until it comes back, and by a fall of the server no less", async () => {
    await claim(a);
    await save(a, 5);
    await claim(b);
    for (const store of [a, b]) await comeBack(store);
    expect(await b.shared.restore([{ ...USER, claim: claimOf(b), acked: 9 }])).toEqual([]);
    expect(await save(b, 20)).toBe(5);
    await a.shared.restore([{ ...USER, claim: claimOf(a), acked: null }]);
    expect(await save(a, 7)).toBe(7);
  });

  test("of which one was alone while the other was cut off has the least of both again", async () => {
    await claim(a);
    await save(a, 5);
    await comeBack(a);
    // Nobody knows of the other any more.
    expect(await claim(b)).toBeNull();
    await a.shared.restore([{ ...USER, claim: claimOf(a), acked: 6 }]);
    expect(await save(b, 20)).toBe(6);
    expect(await save(a, 8)).toBe(8);
  });

  test("that came back after another took it over holds nothing back", async () => {
    await (await databases.server()).run(url, "UPDATE device SET user_id = 1 WHERE id = 11");
    const lamp = { userId: 1, consumer: "device:11" };
    const { claim: first } = await a.shared.claim(lamp);
    await comeBack(a);
    const { claim: second } = await b.shared.claim(lamp);
    expect(await a.shared.restore([{ ...lamp, claim: first, acked: 0 }])).toEqual([{ ...lamp, claim: second }]);
    expect(await save(b, 40, lamp)).toBe(30);
    await a.shared.release([{ ...lamp, claim: first }]);
    await acceptMany(b.log, 10);
    expect(await save(b, 40, lamp)).toBe(40);
  });

  test("is held again where its node comes back that was cut off, from where it stands there", async () => {
    await claim(a);
    await save(a, 5);
    await claim(b);
    await comeBack(a);
    expect(await save(b, 20)).toBe(5);
    expect(await a.shared.restore([{ ...USER, claim: claimOf(a), acked: 8 }])).toEqual([
      { ...USER, claim: claimOf(b) },
    ]);
    expect(await save(b, 21)).toBe(8);
    expect(await save(a, 11)).toBe(11);
  });

  /** The connection breaks that shows that a node lives, and it serves under another number. */
  async function comeBack({ shared }: PostgresStore): Promise<void> {
    let isBack = false;
    shared.onRejoined(() => {
      isBack = true;
    });
    const server = await databases.server();
    const of = `application_name = 'lty ${shared.nodeName} node'`;
    await server.run(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${of}`);
    while (!isBack) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
  }
});
