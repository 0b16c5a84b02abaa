import { describe, expect, test } from "bun:test";
import { parseOptions, UsageError } from "./options.ts";

const scenarios = (...args: string[]) => parseOptions(args).scenarios.map(({ name }) => name);

test("a run without options is one that can settle the goals", () => {
  const options = parseOptions([]);
  expect(options.rounds).toBe(9);
  expect(options.scale.many).toBe(10_000);
  expect(options.servers).toEqual(["ours", "bare", "echo", "socketio", "redis"]);
  expect(scenarios()).toContain("handshake");
});

test("--quick is short and small, and may be made longer", () => {
  expect(parseOptions(["--quick"]).rounds).toBe(3);
  expect(parseOptions(["--quick", "--rounds", "5", "--seconds", "1.5"])).toMatchObject({
    rounds: 5,
    scale: { windowS: 1.5, many: 1_000 },
  });
});

test("--only keeps the usual order", () => {
  expect(scenarios("--only", "push,ping")).toEqual(["ping", "push"]);
});

test("--base adds the other checkout", () => {
  expect(parseOptions(["--base", import.meta.dir, "--servers", "ours"]).servers).toEqual(["ours", "base"]);
});

test("--against adds a commit in its place", () => {
  const options = parseOptions(["--against", "HEAD~1", "--servers", "ours"]);
  expect(options).toMatchObject({ against: "HEAD~1", base: undefined, servers: ["ours", "base"] });
});

test("--profile is of ping unless told", () => {
  expect(scenarios("--profile")).toEqual(["ping"]);
  expect(scenarios("--profile", "--only", "push")).toEqual(["push"]);
});

describe("a mistake is one line that names it", () => {
  test.each([
    [["--only", "pong"], "--only: there is no pong"],
    [["--servers", "ours,nginx"], "--servers: there is no nginx"],
    [["--rounds", "0"], "--rounds: expected a whole number from 1 to 1000, got 0"],
    [["--rounds", "2.5"], "--rounds: expected a whole number"],
    [["--rounds", ""], "--rounds: expected a whole number"],
    [["--seconds", "x"], "--seconds: expected a number"],
    [["--base", "no-such-folder"], "--base: there is no folder no-such-folder"],
    [["--base", ".", "--against", "HEAD"], "give one of --base and --against"],
    [["--against", "--upload-pack=x"], "--against"],
    [["--save", "../x"], "--save: a name may hold"],
    [["--fast"], "--fast"],
  ])("%p", (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});
