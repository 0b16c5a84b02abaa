import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@qy-lty/testkit";
import { SqliteStore } from "./sqlite.ts";
import { storeContract } from "./store.contract.ts";
import { type Store, StoreError } from "./store.ts";

const clock = new ManualClock();

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "qy-lty-store-"));
  return { path, file: join(path, "test.db"), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

for (const threaded of [false, true]) {
  storeContract({
    name: threaded ? "SqliteStore with a writer's thread" : "SqliteStore on a file",
    open: async (clock) => {
      const { path, file } = await folder();
      const store = await SqliteStore.open(`sqlite:${file}`, clock, { threaded });
      return closing(store, () => rm(path, { recursive: true }));
    },
  });
}

storeContract({ name: "SqliteStore in memory", open: (clock) => SqliteStore.open("sqlite::memory:", clock) });

/** The store, with `then` run once it is closed. */
function closing(store: SqliteStore, then: () => Promise<void>): Store {
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await then();
  };
  return store;
}

/** The one line that opening the file ends with. */
async function problem(file: string): Promise<string> {
  const error = await SqliteStore.open(`sqlite:${file}`, clock).then(
    (store) => store.close().then(() => undefined),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreError);
  const { message } = error as StoreError;
  expect(message).not.toContain("\n");
  return message;
}

describe("a SQLite file", () => {
  test.each([false, true])("alone is enough once it was closed (threaded: %p)", async (threaded) => {
    await using place = await folder();
    const store = await SqliteStore.open(`sqlite:${place.file}`, clock, { threaded });
    const user = await store.users.create({ username: "anna" });
    await store.close();
    const copy = join(place.path, "copy.db");
    copyFileSync(place.file, copy);
    const again = await SqliteStore.open(`sqlite:${copy}`, clock);
    expect(await again.users.find(user.id)).toEqual(user);
    await again.close();
  });

  test("is made with its folders, and is the same when it is opened again", async () => {
    await using place = await folder();
    const file = join(place.path, "deep", "er", "lty.db");
    const first = await SqliteStore.open(`sqlite:${file}`, clock);
    const user = await first.users.create({ username: "anna" });
    await first.close();
    const again = await SqliteStore.open(`sqlite:${file}`, clock);
    expect(await again.users.find(user.id)).toEqual(user);
    await again.close();
  });

  test("of a newer program is refused and left as it is", async () => {
    await using place = await folder();
    await (await SqliteStore.open(`sqlite:${place.file}`, clock)).close();
    const database = new Database(place.file);
    database.run("INSERT INTO migration(name, timestamp) VALUES ('9999-future', '2099-01-01')");
    database.close();
    expect(await problem(place.file)).toBe(
      `${place.file}: the database was made by a newer program (it holds migration 9999-future); update this one`,
    );
  });

  test("that is none is refused and left as it is", async () => {
    await using place = await folder();
    const text = "This is no database, but somebody's only copy of a text.\n".repeat(50);
    writeFileSync(place.file, text);
    expect(await problem(place.file)).toBe(`${place.file}: is not a SQLite database`);
    expect(readFileSync(place.file, "utf8")).toBe(text);
  });

  test("that is damaged is refused", async () => {
    await using place = await folder();
    await (await SqliteStore.open(`sqlite:${place.file}`, clock)).close();
    for (const beside of ["-wal", "-shm"]) rmSync(`${place.file}${beside}`, { force: true });
    const bytes = readFileSync(place.file);
    // The header of the file says 4,096 bytes a page; its tables are described on the first, which is now nonsense.
    bytes.fill(0xff, 100, 4_096);
    writeFileSync(place.file, bytes);
    expect(await problem(place.file)).toBe(`${place.file}: is damaged; restore a backup`);
  });

  test("in a place that is none is refused", async () => {
    await using place = await folder();
    writeFileSync(join(place.path, "plain"), "");
    const inFile = join(place.path, "plain", "lty.db");
    expect(await problem(inFile)).toBe(`${inFile}: cannot be opened or created`);
    mkdirSync(place.file);
    expect(await problem(place.file)).toBe(`${place.file}: cannot be opened or created`);
  });

  test("that is read-only is refused", async () => {
    await using place = await folder();
    await (await SqliteStore.open(`sqlite:${place.file}`, clock)).close();
    chmodSync(place.file, 0o444);
    chmodSync(place.path, 0o555);
    expect(await asSomebody(() => problem(place.file))).toBe(`${place.file}: is not writable`);
  });

  test("in a folder that may not be written is refused", async () => {
    await using place = await folder();
    chmodSync(place.path, 0o555);
    expect(await asSomebody(() => problem(place.file))).toBe(`${place.file}: cannot be opened or created`);
    const deeper = join(place.path, "deeper", "lty.db");
    expect(await asSomebody(() => problem(deeper))).toBe(`${deeper}: cannot be opened or created`);
  });
});

describe("the feed of changes in SQLite", () => {
  test("comes in pages of 1,000, and is cut to the newest 10,000 without a number given twice", async () => {
    await using place = await folder();
    const store = await SqliteStore.open(`sqlite:${place.file}`, clock);
    const database = new Database(place.file);
    database.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)
      INSERT INTO authority_change(kind, subject_id) SELECT 'token-made', i FROM n`);
    database.close();
    const { changes } = store;
    expect((await changes.after(0)).map(({ seq }) => seq)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    expect(await changes.after(10_400)).toHaveLength(100);
    await changes.prune();
    expect([await changes.latest(), (await changes.after(0))[0]?.seq]).toEqual([10_500, 501]);
    await changes.prune();
    const { id } = await store.users.create({ username: "anna" });
    await store.users.change(id, { isActive: false });
    expect(await changes.after(10_500)).toMatchObject([{ seq: 10_501, kind: "user-disabled" }]);
    await store.close();
  });
});

describe("two processes on one file", () => {
  test("a write of the other's in the middle of a transaction does not spoil it", async () => {
    await using place = await folder();
    const store = await SqliteStore.open(`sqlite:${place.file}`, clock);
    const { id } = await store.devices.create({ name: "speaker" });
    const other = new Database(place.file);
    let between = 0;
    for (let ticks = 0; ticks < 60; ticks++) {
      const changed = store.devices.change(id, { name: `after ${ticks}` });
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      try {
        other.run("UPDATE device SET last_seen = ?", [ticks]);
        between += 1;
      } catch (error) {
        // It has to wait for the transaction: that is how it should be.
        expect(error).toMatchObject({ code: "SQLITE_BUSY" });
      }
      expect((await changed).name).toBe(`after ${ticks}`);
    }
    expect(between).toBeGreaterThan(0);
    other.close();
    await store.close();
  });

  const script = new URL("./testing/contend.ts", import.meta.url).pathname;
  const ROUNDS = 25;

  async function contend(url: string): Promise<Record<string, number>[]> {
    const processes = [1, 2].map(() => Bun.spawn([process.execPath, script, url, String(ROUNDS)], { stdin: "pipe" }));
    const outputs = processes.map(({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader());
    for (const output of outputs) expect((await output.read()).value).toBe("ready\n");
    for (const { stdin } of processes) {
      stdin.write("go\n");
      await stdin.end();
    }
    const outcomes = await Promise.all(outputs.map(async (output) => JSON.parse((await output.read()).value ?? "{}")));
    expect(await Promise.all(processes.map(({ exited }) => exited))).toEqual([0, 0]);
    return outcomes;
  }

  test("make a new one together, and keep every constraint, whatever they do at once", async () => {
    await using place = await folder();
    const url = `sqlite:${place.file}`;
    const outcomes = await contend(url);
    const all: Record<string, number> = {};
    for (const outcome of outcomes)
      for (const [what, count] of Object.entries(outcome)) all[what] = (all[what] ?? 0) + count;
    // Device 1 to 3 are there after the third round of whoever was first; until then there is nothing to change.
    const { "device: NOT_FOUND": tooEarly = 0, "device: done": done = 0, ...rest } = all;
    expect(rest).toEqual({ "user: done": ROUNDS, "user: CONFLICT": ROUNDS, "device: CONFLICT": ROUNDS });
    expect(tooEarly + done).toBe(3 * ROUNDS);

    const store = await SqliteStore.open(url, clock);
    const users = await store.users.list({ limit: 1_000, offset: 0 });
    expect(users.items.map(({ username }) => username).toSorted()).toEqual(
      Array.from({ length: ROUNDS }, (_, i) => `user-${i}`).toSorted(),
    );
    const devices = await store.devices.list({ limit: 1_000, offset: 0 });
    expect([devices.total, new Set(devices.items.map(({ serial }) => serial)).size]).toEqual([ROUNDS, ROUNDS]);
    expect(devices.items.filter((device) => device.is_primary === 1)).toHaveLength(1);
    await store.close();
  }, 30_000);
});

/** Runs `work` as a user whom permissions bind: root may do anything. */
async function asSomebody<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
