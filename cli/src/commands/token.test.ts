import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

const TOKEN = /lty_[0-9A-Za-z]{43}/;

interface TokenItem {
  readonly id: number;
  readonly prefix: string;
  readonly token?: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  await sandbox.lty(["user", "create", "alice"]);
  await sandbox.lty(["device", "create", "Lamp"]);
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const create = async (...words: string[]) => (await sandbox.json(["token", "create", ...words])) as TokenItem;
const list = async () => (await sandbox.json(["token", "list"])) as TokenItem[];

test("an empty list is told, and is an empty array", async () => {
  expect((await sandbox.lty(["token", "list"])).stdout).toBe("There are no tokens yet.\n");
  expect(await list()).toEqual([]);
});

describe("create", () => {
  test("shows the token once, first on a line of its own", async () => {
    const { code, stdout, stderr } = await sandbox.lty(["token", "create", "--user", "alice"]);
    expect(stdout).toMatch(/^lty_\w{43}\n\nToken 1 of user 1, good until it is revoked\. It is shown this once\.\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("--quiet prints it alone", async () => {
    expect((await sandbox.lty(["token", "create", "--device", "1", "--quiet"])).stdout).toMatch(/^lty_\w{43}\n$/);
  });

  test("--json prints its record with it", async () => {
    const made = await create("--user", "alice", "--expires", "12h");
    expect(made.prefix).toBe(made.token?.slice(4, 12) ?? "");
    expect(made as unknown).toEqual({
      id: 3,
      prefix: made.prefix,
      token: expect.stringMatching(TOKEN),
      kind: "user",
      user_id: 1,
      device_id: null,
      service: null,
      expires_at: expect.any(String),
      revoked_at: null,
      last_used_at: null,
    });
    expect((Date.parse(made.expires_at ?? "") - Date.now()) / 3_600_000).toBeCloseTo(12, 1);
  });

  test("--service creates the service where it is new, and --may widens it for good", async () => {
    const rights = () => {
      using database = new Database(join(sandbox.folder, "data/lty.db"), { readonly: true });
      return database.query("SELECT name, may_issue_tokens FROM service").all();
    };
    expect(await create("--service", "shop")).toMatchObject({ kind: "service", service: "shop" });
    expect(rights()).toEqual([{ name: "shop", may_issue_tokens: 0 }]);
    await create("--service", "shop", "--may", "issue-tokens");
    await create("--service", "shop");
    expect(rights()).toEqual([{ name: "shop", may_issue_tokens: 1 }]);
  });
});

describe("revoke", () => {
  test("by prefix, by id, and by the token itself", async () => {
    const [first, second, third] = [
      await create("--user", "alice"),
      await create("--user", "alice"),
      await create("--user", "alice"),
    ];
    const { stdout } = await sandbox.lty(["token", "revoke", first.prefix]);
    expect(stdout).toBe(`Token ${first.id} (${first.prefix}…) is revoked.\n`);
    expect(await sandbox.json(["token", "revoke", String(second.id)])).toMatchObject({
      id: second.id,
      revoked_at: expect.any(String),
    });
    expect((await sandbox.lty(["token", "revoke", third.token ?? ""])).stdout).not.toContain(third.token);

    const revoked = (await list()).filter((token) => token.revoked_at !== null).map((token) => token.id);
    expect(revoked).toEqual([first.id, second.id, third.id]);
  });

  test("twice keeps the first time", async () => {
    const { id } = await create("--user", "alice");
    const first = await sandbox.json(["token", "revoke", String(id)]);
    expect(await sandbox.json(["token", "revoke", String(id)])).toEqual(first);
  });

  test("a prefix that several tokens have asks for the id", async () => {
    const [one, two] = [await create("--user", "alice"), await create("--user", "alice")];
    using database = new Database(join(sandbox.folder, "data/lty.db"));
    database.run("UPDATE token SET prefix = ? WHERE id = ?", [one.prefix, two.id]);
    const { code, stderr } = await sandbox.lty(["token", "revoke", one.prefix]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "lty: several tokens have this prefix; give the id that `lty token list` shows\n",
    });
  });
});

test("lists show who a token is for and its state, and no command shows it again", async () => {
  const { id, prefix, token = "" } = await create("--device", "1", "--expires", "15m");
  using database = new Database(join(sandbox.folder, "data/lty.db"));
  database.run("UPDATE token SET expires_at = 1000 WHERE id = ?", [id]);

  const { stdout } = await sandbox.lty(["token", "list"]);
  expect(stdout).toMatch(/^ID {2,}PREFIX {4}OWNER {2,}STATE {4}EXPIRES {2,}LAST USED\n/);
  expect(stdout).toMatch(/^1 +\w{8} {2}user 1 +active +– +–$/m);
  expect(stdout).toMatch(new RegExp(`^${id} +${prefix} {2}device 1 +expired +1970-01-01 00:00Z +–$`, "m"));
  expect(stdout).toMatch(/ {2}service shop +active /);
  expect(stdout).toMatch(/ {2}revoked /);

  const json = JSON.stringify(await list());
  expect(stdout + json).not.toMatch(TOKEN);
  expect(json).not.toContain("hash");
  expect(await sandbox.everything()).not.toContain(token);
});
