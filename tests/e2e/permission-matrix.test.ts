import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { routes } from "@qy-lty/server/http/routes.ts";
import {
  type Companion,
  companion,
  disable,
  issue,
  issuer,
  type Person,
  person,
  service,
  unique,
} from "./support/people.ts";
import { type Caller, expectedStatus, FROM_ELSEWHERE, RULES, type Target } from "./support/permissions.ts";
import { wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let bob: Person;
let boss: Person;
let alices: Companion;
let bobs: Companion;
let unowned: Companion;
/** Somebody with a password. */
const typist = { username: unique("typist"), password: "correct horse" };
const tokens = {} as Record<Principal, string | null>;
const sockets: TestSocket[] = [];

const PRINCIPALS = {
  anonymous: {},
  "an unknown token": {},
  "a disabled user": {},
  alice: { kind: "user", owns: "alice's" },
  "an admin": { kind: "admin" },
  "alice's device": { kind: "device", owns: "alice's" },
  "a device of nobody": { kind: "device", owns: "nobody's" },
  "a service": { kind: "service" },
  "an issuer": { kind: "issuer" },
} as const satisfies Record<string, Caller>;
type Principal = keyof typeof PRINCIPALS;

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob, boss] = [await person(server), await person(server), await person(server, { is_admin: true })];
  [alices, bobs, unowned] = [await companion(server, alice), await companion(server, bob), await companion(server)];
  await server.data("POST", "/api/users/", typist);
  const disabled = await person(server);
  await disable(server, disabled);
  Object.assign(tokens, {
    anonymous: null,
    "an unknown token": wrongToken(),
    "a disabled user": disabled.token,
    alice: alice.token,
    "an admin": server.adminToken,
    "alice's device": alices.token,
    "a device of nobody": unowned.token,
    "a service": await service(server),
    "an issuer": await issuer(server),
  } satisfies typeof tokens);
});
afterAll(async () => {
  for (const socket of sockets) socket[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

const owners: Partial<Record<Target, () => Person>> = {
  "alice's": () => alice,
  "bob's": () => bob,
  "an admin's": () => boss,
};
const devices: Partial<Record<Target, () => Companion>> = {
  "alice's": () => alices,
  "bob's": () => bobs,
  "nobody's": () => unowned,
};

/** The id of what a path speaks of; `another` makes one that may be spent. */
type Naming = (target: Target, another: boolean) => Promise<number | string>;
const naming: Record<string, Naming> = {
  user_id: async (target, another) => (another ? (await person(server)).id : (owners[target]?.().id ?? 0)),
  device_id: async (target, another) => (another ? (await companion(server)).id : (devices[target]?.().id ?? 0)),
  token_id: async (target) => (await issue(server, { user_id: owners[target]?.().id ?? 0 })).id,
  session_id: async (target) => {
    const socket = await TestSocket.open(server.wsUrl, owners[target]?.() ?? alice);
    sockets.push(socket);
    return socket.sessionId;
  },
  message_id: async (target) => {
    const body = { type: "note", message: "hi", user_id: owners[target]?.().id ?? 0 };
    return (await server.data<{ message_id: string }>("POST", "/api/messages/", body)).message_id;
  },
};

async function pathOf(path: string, target: Target, another: boolean): Promise<string> {
  const [parameter, field = ""] = /\{(\w+)\}/.exec(path) ?? [];
  if (parameter === undefined) return path;
  const absent = field === "session_id" || field === "message_id" ? crypto.randomUUID() : 999_999;
  const id =
    target === "absent" ? absent : target === "malformed" ? "x1" : ((await naming[field]?.(target, another)) ?? "");
  return path.replace(parameter, String(id));
}

/** The id that a body speaks of. */
function idIn(named: Partial<Record<Target, () => { readonly id: number }>>, target: Target): unknown {
  if (target === "absent") return 999_999;
  if (target === "malformed") return "x1";
  return named[target]?.().id;
}

/** Bodies that are good in every part but, perhaps, whom they are about. */
const bodies: Record<string, (target: Target) => object> = {
  "POST /api/messages/": (target) => ({ type: "note", message: "hi", ttl: 0, user_id: idIn(owners, target) }),
  "POST /api/users/{user_id}/messages/": () => ({ message: "hi", ttl: 0 }),
  "POST /api/devices/{device_id}/messages/": () => ({ type: "note", message: "hi", ttl: 0 }),
  "POST /api/broadcast/": () => ({ type: "note", message: "hi" }),
  "POST /api/queue/": (target) => ({ message: { type: "note", message: "hi" }, user_id: idIn(owners, target) }),
  "POST /api/users/": (target) => ({
    username: target === "malformed" ? " " : unique("made"),
    is_admin: target === "an admin's",
  }),
  "POST /api/devices/": (target) => ({ name: "speaker", user_id: idIn(owners, target) }),
  "POST /api/tokens/": (target) => ({ user_id: idIn(owners, target) }),
  "POST /api/tickets/": (target) => ({ device_id: idIn(devices, target) }),
  "POST /api/login/": () => typist,
  "PATCH /api/users/{user_id}/": () => ({}),
  "PATCH /api/devices/{device_id}/": () => ({}),
};

const CODES: Readonly<Record<number, string | undefined>> = {
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  409: "DEVICE_NOT_BOUND",
  422: "INVALID_VALUE",
};

for (const { method, path } of routes) {
  const route = `${method.toUpperCase()} ${path}`;
  describe(route, () => {
    const rule = RULES[route];
    test("has a rule", () => expect(rule).toBeDefined());
    for (const target of rule?.targets ?? []) {
      for (const [principal, caller] of Object.entries(PRINCIPALS) as [Principal, Caller][]) {
        const status = rule ? expectedStatus(route, rule, caller, target) : 0;
        test(`${principal}${target === "none" ? "" : ` about ${target}`}: ${status}`, async () => {
          const another = rule?.spends === true && status < 300;
          const body = bodies[route]?.(target);
          const answer = await server.api(route.split(" ")[0] ?? "", await pathOf(path, target, another), {
            token: tokens[principal],
            headers: FROM_ELSEWHERE,
            ...(body !== undefined && { body }),
          });
          expect([answer.status, answer.body.code]).toEqual([status, CODES[status]]);
        });
      }
    }
  });
}

test("there is a route for every rule", () => {
  const known = new Set(routes.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
  expect(Object.keys(RULES).filter((route) => !known.has(route))).toEqual([]);
});
