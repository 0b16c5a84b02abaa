import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "@qy-lty/protocol";
import { endingOf, UsageError } from "./exit.ts";
import { Sandbox } from "./testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  await sandbox.lty(["device", "create", "Lamp", "--serial", "S-1"]);
  await sandbox.lty(["user", "create", "alice"]);
});
afterAll(() => sandbox[Symbol.asyncDispose]());

type Refusal = [words: string[], line: string, env?: Record<string, string>];

const TOKEN = `lty_${"Ab3".repeat(14)}x`;
const SEND = ["send", "--all", "--type", "notice"];

describe.concurrent("what was asked wrongly is one line on stderr and exit 2", () => {
  const refusals: Refusal[] = [
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["usr"], "unknown command 'usr' (Did you mean user?)"],
    [["user"], "`lty user` needs a command; see `lty user --help`"],
    [["user", "creat"], "unknown command 'creat' (Did you mean create?)"],
    [["user", "list", "--jsn"], "unknown option '--jsn' (Did you mean --json?)"],
    [["user", "list", "more"], "too many arguments for 'list'. Expected 0 arguments but got 1: more."],
    [["user", "create"], "missing required argument 'name'"],
    [["user", "create", ""], "a name has 1 to 150 characters, not 0"],
    [["user", "create", "alice"], "this username is taken"],
    [["user", "disable", "nobody"], "there is no user 'nobody'; `lty user list` shows them all"],
    [["device", "create", "Lamp", "--serial", "S-1"], "this serial is taken"],
    [["device", "create", "Lamp", "--user", "nobody"], "there is no user 'nobody'; `lty user list` shows them all"],
    [["device", "create", "Lamp", "--primary"], "--primary needs --user: whose primary device?"],
    [["device", "bind", "99", "--user", "alice"], "there is no device 99; `lty device list` shows them all"],
    [["device", "bind", "1", "--user", "nobody"], "there is no user 'nobody'; `lty user list` shows them all"],
    [["device", "bind", "1"], "required option '--user <name>' not specified"],
    [["device", "unbind", "99"], "there is no device 99; `lty device list` shows them all"],
    [["device", "unbind", "Lamp"], "'Lamp' is no id: a positive whole number is expected"],
    [["token", "create"], "give one of --user, --device and --service: whose token?"],
    [
      ["token", "create", "--user", "alice", "--device", "1"],
      "give one of --user, --device and --service: whose token?",
    ],
    [["token", "create", "--user", "nobody"], "there is no user 'nobody'; `lty user list` shows them all"],
    [["token", "create", "--device", "99"], "there is no device 99; `lty device list` shows them all"],
    [["token", "create", "--user", "alice", "--may", "issue-tokens"], "--may widens a backend: it needs --service"],
    [
      ["token", "create", "--service", "s", "--may", "fly"],
      "option '--may <right>' argument 'fly' is invalid. Allowed choices are issue-tokens.",
    ],
    [
      ["token", "create", "--user", "alice", "--expires", "soon"],
      "'soon' is no lifetime: expected a number and m, h or d, as in 15m, 12h, 30d",
    ],
    [
      ["token", "create", "--user", "alice", "--quiet", "--json"],
      "option '--quiet' cannot be used with option '--json'",
    ],
    [["token", "revoke", "zzzzzzzz"], "there is no such token; `lty token list` shows ids and prefixes"],
    [["token", "revoke", TOKEN], "there is no such token; `lty token list` shows ids and prefixes"],
    [
      ["send", "--type", "notice", "--message", "1"],
      "give one of --user, --device and --all: to whom?",
      { LTY_TOKEN: "x" },
    ],
    [
      [...SEND, "--user", "1", "--message", "1"],
      "give one of --user, --device and --all: to whom?",
      { LTY_TOKEN: "x" },
    ],
    [[...SEND, "--message", "hello"], `--message is not JSON; a text is written with its quotes: '"hello"'`],
    [SEND, "required option '--message <json>' not specified"],
    [
      [...SEND, "--message", "1"],
      "LTY_TOKEN is not set: the token to present; `lty token create --user NAME --quiet` makes one",
    ],
    [
      ["send", "--user", "alice", "--type", "a", "--message", "1"],
      "'alice' is no id: a positive whole number is expected",
    ],
    [["serve", "--port", "70000"], "--port: expected a whole number from 0 to 65535, got '70000'"],
    [["serve", "--host", ""], "--host: must not be empty, got ''"],
    [["serve"], 'LTY_PORT: expected a whole number from 0 to 65535, got "x"', { LTY_PORT: "x" }],
    [["user", "list"], "LTY_PROT: unknown setting; `lty config-doc` lists them all", { LTY_PROT: "1" }],
    [["check-config"], 'LTY_REQUIRE_DEVICE: expected true or false, got "maybe"', { LTY_REQUIRE_DEVICE: "maybe" }],
    [["check-config"], 'LTY_URL: expected an http:// or https:// URL, got "ws://••••@h"', { LTY_URL: "ws://me:pw@h" }],
  ];
  // One value a test: a second parameter would be taken for a callback.
  const cases = refusals.map((refusal) => ({ command: refusal[0].join(" "), refusal }));
  test.each(cases)("lty $command", async ({ refusal: [words, line, env] }) => {
    expect(await sandbox.lty(words, env && { env })).toEqual({ code: 2, stdout: "", stderr: `lty: ${line}\n` });
  });
});

describe.concurrent("what failed at run time is one line on stderr and exit 1", () => {
  const failing = (LTY_DATABASE_URL: string) => sandbox.lty(["user", "create", "bob"], { env: { LTY_DATABASE_URL } });

  test("a file that is no database", async () => {
    await Bun.write(
      join(sandbox.folder, "notes.txt"),
      "not a database, but long enough to be taken for one\n".repeat(20),
    );
    const run = await failing("sqlite:notes.txt");
    expect(run).toEqual({ code: 1, stdout: "", stderr: "lty: notes.txt: is not a SQLite database\n" });
  });

  test("a place that no database can be in", async () => {
    await mkdir(join(sandbox.folder, "folder"));
    const run = await failing("sqlite:folder");
    expect(run).toEqual({ code: 1, stdout: "", stderr: "lty: folder: cannot be opened or created\n" });
  });

  test("a damaged database", async () => {
    const path = join(sandbox.folder, "damaged.db");
    await sandbox.lty(["migrate"], { env: { LTY_DATABASE_URL: `sqlite:${path}` } });
    const bytes = await Bun.file(path).bytes();
    await Bun.write(path, bytes.fill(0xaa, 100));
    const { code, stdout, stderr } = await failing(`sqlite:${path}`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^lty: [^\n]*damaged[^\n]*\n$/);
  });

  test("a database of a newer program", async () => {
    const path = join(sandbox.folder, "newer.db");
    await sandbox.lty(["migrate"], { env: { LTY_DATABASE_URL: `sqlite:${path}` } });
    const database = new Database(path);
    database.run("INSERT INTO migration(name, timestamp) VALUES ('9999-future', '')");
    database.close();
    const { code, stderr } = await failing(`sqlite:${path}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^lty: [^\n]*made by a newer program[^\n]*9999-future[^\n]*\n$/);
  });

  test("a database that another program keeps locked", async () => {
    const path = join(sandbox.folder, "locked.db");
    await sandbox.lty(["migrate"], { env: { LTY_DATABASE_URL: `sqlite:${path}` } });
    const database = new Database(path);
    database.run("BEGIN IMMEDIATE");
    const { code, stdout, stderr } = await failing(`sqlite:${path}`);
    database.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^lty: [^\n]*locked[^\n]*\n$/);
    // The command waits 5 s for the other one before it gives up.
  });
});

describe("endingOf", () => {
  test("keeps it to one line without escape sequences", () => {
    expect(endingOf(new Error("first\nsecond\x1b[31m")).line).toBe("lty: first second [31m");
  });

  test("quotes no credential that was typed in a wrong place", () => {
    const { line } = endingOf(new UsageError(`unknown option '--token=${TOKEN}' ${"0a".repeat(20)}`));
    expect(line).toBe("lty: unknown option '--token=lty_…' …");
  });

  test("tells what was asked wrongly from what went wrong", () => {
    expect(endingOf(new GatewayError("CONFLICT", "this serial is taken"))).toEqual({
      code: 2,
      line: "lty: this serial is taken",
    });
    expect(endingOf(new GatewayError("UNAVAILABLE"))).toEqual({ code: 1, line: "lty: Service unavailable" });
    expect(endingOf("thrown text")).toEqual({ code: 1, line: "lty: thrown text" });
    expect(endingOf(Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" }))).toEqual({
      code: 1,
      line: "lty: the database failed: database is locked",
    });
  });
});
