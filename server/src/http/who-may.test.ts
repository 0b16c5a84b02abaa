import { describe, expect, test } from "bun:test";
import type { GatewayError } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import type { Caller } from "./route.ts";
import { isAdmin, mayUse, ownOnly, requireOwn, seesAll } from "./who-may.ts";

const who = {
  anna: { kind: "user", userId: 1, username: "anna", isAdmin: false },
  root: { kind: "user", userId: 9, username: "root", isAdmin: true },
  speaker: { kind: "device", deviceId: 3, name: "speaker", userId: 1 },
  unowned: { kind: "device", deviceId: 4, name: "new", userId: null },
  backend: { kind: "service", serviceId: 1, name: "backend", mayIssueTokens: false },
  issuer: { kind: "service", serviceId: 2, name: "issuer", mayIssueTokens: true },
} as const satisfies Record<string, Principal>;
type Who = keyof typeof who;
const everyone = Object.keys(who) as Who[];

describe("mayUse", () => {
  test.each<[Caller[], Who[]]>([
    [[], ["root"]],
    [["user"], ["anna", "root"]],
    [["device"], ["root", "speaker", "unowned"]],
    [["service"], ["root", "backend", "issuer"]],
    [["issuer"], ["root", "issuer"]],
    [
      ["user", "service"],
      ["anna", "root", "backend", "issuer"],
    ],
  ])("a route for %j", (callers, allowed) => {
    expect(everyone.filter((name) => mayUse(who[name], callers))).toEqual(allowed);
  });
});

test("everything is the admins' and the services'", () => {
  expect(everyone.filter((name) => seesAll(who[name]))).toEqual(["root", "backend", "issuer"]);
  expect(everyone.filter((name) => isAdmin(who[name]))).toEqual(["root"]);
});

describe("requireOwn", () => {
  test.each<[number | null, Who[]]>([
    [1, ["anna", "root", "speaker", "backend", "issuer"]],
    [2, ["root", "backend", "issuer"]],
    [null, ["root", "backend", "issuer"]],
  ])("what belongs to %j is there for those alone", (owner, allowed) => {
    const outcome = (name: Who) => {
      try {
        requireOwn(who[name], owner);
        return undefined;
      } catch (error) {
        return (error as GatewayError).code;
      }
    };
    for (const name of everyone)
      expect([name, outcome(name)]).toEqual([name, allowed.includes(name) ? undefined : "NOT_FOUND"]);
  });
});

test("lists are narrowed to one's own; a device that nobody owns has nothing", () => {
  expect(everyone.map((name) => ownOnly(who[name]))).toEqual([1, undefined, 1, 0, undefined, undefined]);
});
