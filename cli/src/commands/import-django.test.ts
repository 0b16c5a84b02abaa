import { Database } from "bun:sqlite";
import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startPostgres } from "@qy-lty/testkit";
import { djangoSchema, PASSWORD_HASH, tokenOf } from "../../../tests/import/support/django-site.ts";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

const sandboxes: Sandbox[] = [];
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
  sandboxes.push(sandbox);
  await edit("db.sqlite3", ...djangoSchema("sqlite"), ...ROWS);
});
afterAll(async () => {
  for (const one of sandboxes) await one[Symbol.asyncDispose]();
});

const AT = "'2025-03-04 05:06:07.891234+00'";
const user = (id: number, name: string, rest = `'${PASSWORD_HASH}'`, admin = "false", active = "true") =>
  `INSERT INTO auth_user VALUES (${id}, ${rest}, NULL, ${admin}, '${name}', '', '', false, ${active}, ${AT}, '')`;
const device = (id: number, name: string, serial: string) =>
  `INSERT INTO device_interaction_device VALUES (${id}, '${name}', '${serial}', ${AT})`;
const binding = (id: number, primary: boolean, deviceId: number, userId: number) =>
  `INSERT INTO device_interaction_userdevice VALUES (${id}, ${primary}, ${deviceId}, ${userId})`;
const token = (key: string, userId: number) => `INSERT INTO authtoken_token VALUES ('${key}', ${AT}, ${userId})`;

const ARGON2 = "'argon2$argon2id$v=19$m=102400,t=2,p=8$UFNTSEJQMUlhRVlNTlRNYUl5SHRuUQ$3TsGlOe2fv9v/3VWgMFJt'";
const ROWS = [
  user(3, "alice"),
  user(5, "小明", ARGON2, "true"),
  user(7, "carol", "'!unusable'", "false", "false"),
  user(9, "dave", "'bcrypt_sha256$$2b$12$abc'"),
  token(tokenOf(3), 3),
  token("ABCDEF", 5),
  token(tokenOf(99), 99),
  device(11, "speaker", "SN-11"),
  device(12, "", "SN-12"),
  device(13, "lamp", "SN-13"),
  binding(1, false, 11, 5),
  binding(2, true, 11, 3),
  binding(3, true, 12, 3),
  binding(4, true, 13, 99),
  binding(5, true, 77, 5),
];

const SUMMARY = {
  users: { read: 4, new: 4 },
  devices: { read: 3, new: 3 },
  tokens: { read: 3, new: 1 },
  bindings: { read: 5, kept: 2, left_out: 1, orphaned: 2 },
  passwords: { pbkdf2: 1, argon2: 1, none: 1, unknown: 1 },
  unusable_tokens: 2,
};

/** Changes a SQLite database of the sandbox's folder. */
async function edit(file: string, ...statements: string[]): Promise<void> {
  using database = new Database(join(sandbox.folder, file), { create: true });
  for (const statement of statements) database.run(statement);
}

/** Every account that is here, without what a moment of its own tells. */
function accounts() {
  using database = new Database(join(sandbox.folder, "data/lty.db"), { readonly: true });
  const all = (query: string) => database.query(query).values();
  return {
    users: all("SELECT id, username, password_hash, is_admin, is_active, created_at FROM user ORDER BY id"),
    devices: all("SELECT id, name, serial, user_id, is_primary, created_at FROM device ORDER BY id"),
    tokens: all("SELECT prefix, kind, user_id FROM token ORDER BY id"),
    changes: all("SELECT count(*) FROM authority_change"),
    audit: all("SELECT what, subject FROM audit"),
  };
}

const SOURCE = ["import-django", "--from", "sqlite:db.sqlite3"];
const CREATED = Date.UTC(2025, 2, 4, 5, 6, 7, 891);

test("users, devices, bindings and tokens come with their ids; a second run changes nothing", async () => {
  expect(await sandbox.json(SOURCE)).toEqual({
    ...{ from: "sqlite:db.sqlite3", dry_run: false, ...SUMMARY, duration_ms: expect.any(Number) },
  });
  const after = accounts();
  expect(after).toMatchObject({
    users: [
      [3, "alice", PASSWORD_HASH, 0, 1, CREATED],
      [5, "小明", ARGON2.slice(1, -1).replace("argon2$", "$"), 1, 1, CREATED],
      [7, "carol", null, 0, 0, CREATED],
      [9, "dave", "bcrypt_sha256$$2b$12$abc", 0, 1, CREATED],
    ],
    devices: [
      [11, "speaker", "SN-11", 3, 1, CREATED],
      [12, "Device 12", "SN-12", 3, 0, CREATED],
      [13, "lamp", "SN-13", null, 0, CREATED],
    ],
    tokens: [[tokenOf(3).slice(0, 8), "user", 3]],
  });
  expect(await sandbox.everything()).not.toContain(`${tokenOf(3)}"`);

  const { stdout } = await sandbox.lty(SOURCE);
  expect(stdout).toContain("users    4      0    4");
  expect(accounts()).toEqual(after);
  // The next ids are past every one that was ever handed out.
  expect(await sandbox.json(["user", "create", "eve"])).toMatchObject({ id: 10 });
  expect(await sandbox.json(["device", "create", "Lamp"])).toMatchObject({ id: 14 });
});

test("ids of users who are gone from the source are not handed out again", async () => {
  await edit("db.sqlite3", user(500, "gone"), "DELETE FROM auth_user WHERE id = 500");
  await sandbox.json(SOURCE);
  expect(await sandbox.json(["user", "create", "eve"])).toMatchObject({ id: 501 });
});

test("--dry-run says what would happen, and leaves no file", async () => {
  expect(await sandbox.json([...SOURCE, "--dry-run"])).toMatchObject({ dry_run: true, ...SUMMARY });
  expect(existsSync(join(sandbox.folder, "data"))).toBe(false);
  const { stdout } = await sandbox.lty([...SOURCE, "--dry-run"]);
  expect(stdout).toContain("nothing was changed");
  expect(stdout).toContain("1 users need a new password");
  await sandbox.lty(["migrate"]);
  await sandbox.json([...SOURCE, "--dry-run"]);
  expect(accounts().users).toEqual([]);
});

test("what is new comes with the next run; what was changed here since stays", async () => {
  await sandbox.json(SOURCE);
  await sandbox.lty(["user", "disable", "alice"]);
  await sandbox.lty(["device", "unbind", "11"]);
  await sandbox.lty(["token", "revoke", tokenOf(3).slice(0, 8)]);
  await edit("db.sqlite3", user(20, "zoe"), token(tokenOf(20), 20));
  expect(await sandbox.json(SOURCE)).toMatchObject({ users: { read: 5, new: 1 }, tokens: { new: 1 } });
  using database = new Database(join(sandbox.folder, "data/lty.db"), { readonly: true });
  const one = (query: string) => database.query(query).values()[0];
  expect(one("SELECT is_active FROM user WHERE id = 3")).toEqual([0]);
  expect(one("SELECT user_id FROM device WHERE id = 11")).toEqual([null]);
  expect(one("SELECT revoked_at IS NOT NULL FROM token WHERE user_id = 3")).toEqual([1]);
});

describe("one line stops it, and nothing is changed, where", () => {
  const refused = async (words: readonly string[], line: string) => {
    const before = existsSync(join(sandbox.folder, "data/lty.db")) ? accounts() : undefined;
    expect(await sandbox.lty(words)).toEqual({ code: 2, stdout: "", stderr: `lty: ${line}\n` });
    if (before !== undefined) expect(accounts()).toEqual(before);
  };

  test("an id or a name is somebody else's", async () => {
    for (const name of ["a", "b", "c"]) await sandbox.lty(["user", "create", name]);
    await refused(SOURCE, "user 3, 'alice': the id is taken here by 'c'");
    await edit("data/lty.db", "UPDATE user SET username = 'alice' WHERE id = 1", "DELETE FROM user WHERE id = 3");
    await refused(SOURCE, "user 3, 'alice': the name is taken here by user 1");
  });

  test("a device's id or serial is another's", async () => {
    await sandbox.lty(["device", "create", "Lamp"]);
    await edit("data/lty.db", "UPDATE device SET id = 12");
    await refused(SOURCE, "device 12, 'Device 12': the id is taken here by 'Lamp'");
    await edit("data/lty.db", "UPDATE device SET id = 1, serial = 'SN-13'");
    await refused(SOURCE, "device 13: its serial 'SN-13' is taken here by device 1");
  });

  test("a token is another user's", async () => {
    await sandbox.json(SOURCE);
    await edit("data/lty.db", "UPDATE token SET user_id = 5");
    await refused(SOURCE, "a token of user 3 belongs here to user 5");
  });

  test("two devices of the source share a serial, or an id is no number", async () => {
    await edit(
      "db.sqlite3",
      "CREATE TABLE twins AS SELECT id, name, 'SN' AS serial_number FROM device_interaction_device",
      "CREATE TABLE people AS SELECT 'u-' || id AS id, username FROM auth_user",
    );
    await refused([...SOURCE, "--table", "devices=twins"], "devices 11 and 12 of the source have the same serial 'SN'");
    await refused([...SOURCE, "--table", "users=people"], "a user's id is 'u-3'; only whole numbers can be taken over");
  });

  test("names are not there, or flags say nothing", async () => {
    await refused(["import-django"], "required option '--from <url>' not specified");
    await refused(
      ["import-django", "--from", "mysql://x"],
      "--from: expected sqlite:PATH or postgres://USER@HOST/DATABASE",
    );
    await refused(["import-django", "--from", "sqlite:none.db"], "--from: there is no file none.db");
    await refused(
      [...SOURCE, "--table", "tokens=keys"],
      "sqlite:db.sqlite3: there is no table keys; name it with --table tokens=NAME, or leave it out with --without tokens",
    );
    await refused(
      [...SOURCE, "--column", "users.username=phone"],
      "sqlite:db.sqlite3: auth_user has no column phone; name it with --column users.username=NAME",
    );
    await refused([...SOURCE, "--table", "cats=x"], "--table: 'cats' is none of users, tokens, devices, bindings");
    await refused([...SOURCE, "--table", 'users=a"b'], "--table: 'users=a\"b' is not of the form WHAT=NAME");
    const { code, stderr } = await sandbox.lty([...SOURCE, "--column", "users.shoe=x"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("'users.shoe' is not read") });
  });
});

test("tables and columns may have other names, and tables may be missing", async () => {
  await edit(
    "db.sqlite3",
    "ALTER TABLE auth_user RENAME TO accounts_user",
    "ALTER TABLE accounts_user RENAME COLUMN username TO phone",
    "ALTER TABLE device_interaction_device DROP COLUMN created_at",
    "DROP TABLE authtoken_token",
  );
  const words = ["--table", "users=accounts_user", "--column", "users.phone=phone", "--without", "tokens"];
  expect((await sandbox.lty([...SOURCE, ...words])).code).toBe(2);
  words[3] = "users.username=phone";
  expect(await sandbox.json([...SOURCE, ...words, "--admins", "nobody"])).toMatchObject({
    users: { read: 4, new: 4 },
    tokens: { read: 0, new: 0 },
  });
  expect(accounts().users.map(([id, name, , admin]) => [id, name, admin])).toEqual([
    [3, "alice", 0],
    [5, "小明", 0],
    [7, "carol", 0],
    [9, "dave", 0],
  ]);
  expect(await sandbox.json([...SOURCE, ...words])).toMatchObject({ users: { new: 0 }, devices: { new: 0 } });
});

test("from PostgreSQL, and to it", async () => {
  await using postgres = await startPostgres();
  const [from, to] = [await postgres.createDatabase(), await postgres.createDatabase()];
  for (const statement of [...djangoSchema("postgres"), ...ROWS]) await postgres.run(from, statement);
  await postgres.run(from, "SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 500)");
  const words = ["import-django", "--from", from];
  expect(await sandbox.json(words)).toMatchObject(SUMMARY);
  const here = accounts();
  expect(here.users).toHaveLength(4);
  expect(here.devices[0]).toEqual([11, "speaker", "SN-11", 3, 1, CREATED]);
  expect(await sandbox.json(["user", "create", "eve"])).toMatchObject({ id: 501 });

  const env = { LTY_DATABASE_URL: to };
  expect(await sandbox.json(words, { env })).toMatchObject(SUMMARY);
  const people = await postgres.run(to, `SELECT id, username, is_admin FROM "user" ORDER BY id`);
  expect(people.map(({ id, username, is_admin }) => [Number(id), username, is_admin])).toEqual([
    [3, "alice", 0],
    [5, "小明", 1],
    [7, "carol", 0],
    [9, "dave", 0],
  ]);
  expect(await sandbox.json(words, { env })).toMatchObject({
    users: { new: 0 },
    devices: { new: 0 },
    tokens: { new: 0 },
  });
  expect(await sandbox.json(["user", "create", "eve"], { env })).toMatchObject({ id: 501 });
  expect(await sandbox.json(["device", "create", "Lamp"], { env })).toMatchObject({ id: 14 });

  const { code, stderr } = await sandbox.lty(["import-django", "--from", from.replace(/\/[^/]*$/, "/none")]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^lty: postgres:\/\/127\.0\.0\.1:\d+\/none: there is no such database/),
  });
});
