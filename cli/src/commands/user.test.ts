import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test("an empty list is told, and is an empty array", async () => {
  expect(await sandbox.lty(["user", "list"])).toEqual({ code: 0, stdout: "There are no users yet.\n", stderr: "" });
  expect(await sandbox.json(["user", "list"])).toEqual([]);
});

test("create, for people and for programs", async () => {
  expect(await sandbox.lty(["user", "create", "alice"])).toEqual({
    code: 0,
    stdout: "Created user alice (id 1).\n",
    stderr: "",
  });
  expect(await sandbox.json(["user", "create", "小明", "--admin"])).toEqual({
    id: 2,
    username: "小明",
    is_admin: true,
    is_active: true,
    created_at: expect.stringMatching(MOMENT),
  });
});

test("a password is read from stdin, and kept as argon2id", async () => {
  const { code, stdout, stderr } = await sandbox.lty(["user", "create", "bob", "--password-stdin"], {
    stdin: "hunter2\nx\n",
  });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "Created user bob (id 3).\n", stderr: "" });
  using database = new Database(join(sandbox.folder, "data/lty.db"), { readonly: true });
  const row = database.query<{ password_hash: string }, []>("SELECT password_hash FROM user WHERE id = 3").get();
  expect(row?.password_hash).toStartWith("$argon2id$v=19$m=65536,t=2,");
  expect(await Bun.password.verify("hunter2", row?.password_hash ?? "")).toBe(true);
  expect(await sandbox.everything()).not.toContain("hunter2");
});

test("an empty password is refused, and nobody is created", async () => {
  const { code, stderr } = await sandbox.lty(["user", "create", "carol", "--password-stdin"], { stdin: "\n" });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "lty: the password is empty; --password-stdin reads it from the first line of stdin\n",
  });
  expect((await sandbox.lty(["user", "list"])).stdout).not.toContain("carol");
});

test("disable and enable, also twice", async () => {
  expect((await sandbox.lty(["user", "disable", "alice"])).stdout).toBe("User alice is disabled.\n");
  expect(await sandbox.json(["user", "disable", "alice"])).toMatchObject({ id: 1, is_active: false });
  expect((await sandbox.lty(["user", "list"])).stdout).toMatch(
    /^ID {2}NAME {3}ROLE {3}STATE {5}CREATED\n1 {3}alice {2}user {3}disabled {2}\S+ \d\d:\d\dZ\n2 {3}小明 {3}admin {2}active /,
  );
  expect((await sandbox.lty(["user", "enable", "alice"])).stdout).toBe("User alice is enabled.\n");
  expect(await sandbox.json(["user", "list"])).toMatchObject([
    { id: 1, username: "alice", is_active: true },
    { id: 2, username: "小明" },
    { id: 3, username: "bob", is_admin: false },
  ]);
});
