import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Running, Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

/** What lies in the folder, without what the runtime keeps at home. */
const names = () =>
  readdirSync(sandbox.folder)
    .filter((name) => !name.startsWith("."))
    .sort();
const at = (...names: string[]) => join(sandbox.folder, ...names);

async function serve(env: Record<string, string> = {}): Promise<{ server: Running; url: string }> {
  const server = sandbox.start(["serve"], { env: { LTY_PORT: "0", ...env } });
  const [, url = ""] = await server.stdout.until(/^qy-lty serving on (http:\S+)\n/);
  return { server, url };
}

async function stop(server: Running): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.ended()).toBe(0);
}

interface Frame {
  readonly type: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly message_id?: string;
}

/** The first `count` frames that an app of `lty.v1` is sent. */
async function frames(url: string, token: string, count: number, query = ""): Promise<Frame[]> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/device/?role=app&client_id=phone&${query}`, {
    headers: { authorization: `Bearer ${token}` },
    protocols: ["lty.v1"],
  });
  const came: Frame[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      came.push(JSON.parse(String(data)) as Frame);
      if (came.length === count) resolve();
    };
    socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
  });
  socket.close();
  return came;
}

async function push(url: string, token: string, userId: number): Promise<void> {
  const body = JSON.stringify({ type: "note", message: "hi", user_id: userId });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  expect((await fetch(`${url}/api/messages/`, { method: "POST", headers, body })).status).toBe(200);
}

describe("backup", () => {
  test("of a running server holds all that was promised; a restored one says reset to who was further", async () => {
    const { id } = (await sandbox.json(["user", "create", "ada"])) as { id: number };
    const { token } = (await sandbox.json(["token", "create", "--user", "ada"])) as { token: string };
    const { server, url } = await serve();
    const [greeting] = await frames(url, token, 1);
    for (const _ of [1, 2]) await push(url, token, id);
    expect(await sandbox.json(["backup", "copy.db"])).toEqual({
      file: at("copy.db"),
      bytes: statSync(at("copy.db")).size,
      duration_ms: expect.any(Number),
    });
    // The client goes on with what the backup does not hold.
    await push(url, token, id);
    const [, , , last] = await frames(url, token, 4);
    expect(last).toMatchObject({ seq: 3 });
    await stop(server);

    mkdirSync(at("restored"));
    copyFileSync(at("copy.db"), at("restored", "lty.db"));
    const restored = await serve({ LTY_DATABASE_URL: "sqlite:restored/lty.db" });
    const stand = `epoch=${greeting?.epoch}&seq=3&last=${last?.message_id}`;
    const came = await frames(restored.url, token, 2, stand);
    const reset = came.find(({ type }) => type === "reset");
    expect(reset?.epoch).toBeString();
    expect(reset?.epoch).not.toBe(greeting?.epoch);
    await stop(restored.server);

    // Only the first start is a restart from a backup.
    const again = await serve({ LTY_DATABASE_URL: "sqlite:restored/lty.db" });
    const [second] = await frames(again.url, token, 1);
    expect(second?.epoch).toBe(reset?.epoch ?? "");
    await stop(again.server);
  });

  test("leaves one file that only its owner reads, complete, and the original as it is", async () => {
    await sandbox.json(["user", "create", "ada"]);
    const { code, stdout, stderr } = await sandbox.lty(["backup", "copy.db"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^Backed up sqlite:data\/lty\.db to \S+copy\.db \(\d+\.\d MiB\)\.\n$/);
    expect(names()).toEqual(["copy.db", "data"]);
    expect(statSync(at("copy.db")).mode & 0o777).toBe(0o600);
    using copy = new Database(at("copy.db"), { readonly: true });
    expect(copy.query("SELECT username FROM user").values()).toEqual([["ada"]]);
    expect(copy.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    using original = new Database(at("data", "lty.db"), { readonly: true });
    expect(original.query("SELECT name FROM fact WHERE name = 'backup'").values()).toEqual([]);
  });

  test("while others write is of one moment, each time", async () => {
    await sandbox.json(["user", "create", "ada"]);
    using database = new Database(at("data", "lty.db"));
    database.run("PRAGMA busy_timeout = 5000");
    // Two tables that change together.
    database.run("CREATE TABLE pair_a (n INTEGER)");
    database.run("CREATE TABLE pair_b (n INTEGER)");
    let done = false;
    const writing = (async () => {
      for (let n = 0; !done; n++) {
        database.transaction(() => {
          database.run("INSERT INTO pair_a VALUES (?)", [n]);
          database.run("INSERT INTO pair_b VALUES (?)", [n]);
        })();
        await new Promise(setImmediate);
      }
    })();
    for (const file of ["1.db", "2.db", "3.db"]) {
      expect((await sandbox.lty(["backup", file])).code).toBe(0);
      using copy = new Database(at(file), { readonly: true });
      const counts = copy.query("SELECT (SELECT count(*) FROM pair_a), (SELECT count(*) FROM pair_b)").values()[0];
      expect(counts?.[0]).toBe(counts?.[1] ?? -1);
    }
    done = true;
    await writing;
  });
});

describe("backup refuses, and leaves nothing behind:", () => {
  const cases: Record<string, { prepare?: () => unknown; words: string[]; code: number; says: RegExp }> = {
    "a file that is there": {
      prepare: () => writeFileSync(at("copy.db"), "mine"),
      words: ["copy.db"],
      code: 2,
      says: /^lty: copy\.db is there already; a backup never replaces a file\n$/,
    },
    "beside one that is under way": {
      prepare: () => writeFileSync(at("copy.db.part"), "its"),
      words: ["copy.db"],
      code: 1,
      says: /copy\.db\.part: is there: another backup is under way, or was cut off/,
    },
    "a folder that is not there": { words: ["no/copy.db"], code: 1, says: /there is no such folder\n$/ },
    "no name": { words: [], code: 2, says: /missing required argument 'file'/ },
  };
  for (const [name, { prepare, words, code, says }] of Object.entries(cases)) {
    test(name, async () => {
      await sandbox.json(["user", "create", "ada"]);
      prepare?.();
      const before = names();
      const run = await sandbox.lty(["backup", ...words]);
      expect([run.code, run.stdout]).toEqual([code, ""]);
      expect(run.stderr).toMatch(says);
      expect(names()).toEqual(before);
    });
  }

  test("where there is no database, which it does not make", async () => {
    const { code, stderr } = await sandbox.lty(["backup", "copy.db"]);
    expect([code, stderr]).toEqual([1, "lty: data/lty.db: there is no database\n"]);
    expect(names()).toEqual([]);
  });

  test("what is no database", async () => {
    mkdirSync(at("data"));
    writeFileSync(
      at("data", "lty.db"),
      "not a database at all, and long enough for a header of a hundred bytes".repeat(9),
    );
    const { code, stderr } = await sandbox.lty(["backup", "copy.db"]);
    expect([code, stderr]).toEqual([1, "lty: data/lty.db: is not a SQLite database\n"]);
    expect(existsSync(at("copy.db.part"))).toBe(false);
  });
});
