import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { type Companion, companion, issue, issuer, type Person, person, service, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;
let alice: Person;
let bob: Person;
let device: Companion;

beforeAll(async () => {
  server = await TestServer.start();
  [alice, bob] = await Promise.all([person(server), person(server)]);
  device = await companion(server, alice);
});
afterAll(() => server[Symbol.asyncDispose]());

const create = (body: object, token = server.adminToken) => server.api("POST", "/api/tokens/", { token, body });
const ticket = (body: object, token: string) => server.api("POST", "/api/tickets/", { token, body });

const nobody = { user_id: null, device_id: null, service: null };
const fresh = { expires_at: null, revoked_at: null, last_used_at: null };

describe("POST /api/tokens/", () => {
  const owners: Record<string, () => readonly [body: object, owner: object]> = {
    user: () => [{ user_id: alice.id }, { user_id: alice.id }],
    device: () => [{ device_id: `${device.id}` }, { device_id: device.id }],
    service: () => [{ service: "billing" }, { service: "billing" }],
  };
  for (const [kind, owner] of Object.entries(owners)) {
    test(`makes a token for a ${kind}: 201, and shows it this once`, async () => {
      const [body, named] = owner();
      const made = expectSuccess(await create(body), 201) as { id: number; token: string };
      const { token, ...record } = made;
      expect(token).toMatch(/^lty_[0-9A-Za-z]{43}$/);
      expect(record).toEqual({
        id: expect.any(Number),
        prefix: token.slice(4, 12),
        kind,
        ...nobody,
        ...named,
        ...fresh,
      } as never);
      expect(expectSuccess(await server.api("GET", `/api/tokens/${made.id}/`))).toEqual(record);
    });
  }

  test("no two are alike", async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => issue(server, { user_id: alice.id })));
    expect(new Set(made.map(({ token }) => token)).size).toBe(50);
  });

  test("with expires_in_s it expires then", async () => {
    const before = Date.now();
    const { expires_at } = expectSuccess(await create({ user_id: alice.id, expires_in_s: 3_600 }), 201) as {
      expires_at: string;
    };
    const expires = Date.parse(expires_at) - 3_600_000;
    expect(expires).toBeGreaterThanOrEqual(before);
    expect(expires).toBeLessThanOrEqual(Date.now());
  });

  test("is 404 for an owner that does not exist", async () => {
    for (const body of [{ user_id: 999_999 }, { device_id: 999_999 }])
      expectFailure(await create(body), 404, "NOT_FOUND");
  });

  const bad: Record<string, () => object> = {
    "two owners": () => ({ user_id: alice.id, device_id: device.id }),
    "an id that is none": () => ({ user_id: "me" }),
    "a service that is no text": () => ({ service: 7 }),
    "a service of 101 characters": () => ({ service: "s".repeat(101) }),
    "no time to live": () => ({ user_id: alice.id, expires_in_s: 0 }),
    "a negative one": () => ({ user_id: alice.id, expires_in_s: -1 }),
    "half a second": () => ({ user_id: alice.id, expires_in_s: 0.5 }),
    "more than ten years": () => ({ user_id: alice.id, expires_in_s: 315_360_001 }),
    "a time in words": () => ({ user_id: alice.id, expires_in_s: "1h" }),
  };
  for (const [name, body] of Object.entries(bad)) {
    test(`${name}: 422 INVALID_VALUE`, async () => expectFailure(await create(body()), 422, "INVALID_VALUE"));
  }

  test("of an issuer: for users and devices, never for an admin, what is an admin's, or a service", async () => {
    const token = await issuer(server);
    expectSuccess(await create({ user_id: alice.id }, token), 201);
    expectSuccess(await create({ device_id: device.id }, token), 201);
    expectSuccess(await create({ device_id: (await companion(server)).id }, token), 201);
    const admins = await companion(server, { id: server.adminId });
    for (const body of [{ user_id: server.adminId }, { device_id: admins.id }, { service: unique("service") }]) {
      expectFailure(await create(body, token), 403, "FORBIDDEN");
    }
  });

  test("is not for users, devices and other services", async () => {
    for (const token of [alice.token, device.token, await service(server)]) {
      expectFailure(await create({ user_id: alice.id }, token), 403, "FORBIDDEN");
    }
  });

  test("the name of an issuer makes no new issuer: only the command line widens a service", async () => {
    const name = unique("service");
    const { token } = expectSuccess(await create({ service: name, may_issue_tokens: true }), 201) as { token: string };
    expectFailure(await create({ user_id: alice.id }, token), 403, "FORBIDDEN");
    await server.lty("token", "create", "--service", name, "--may", "issue-tokens", "--quiet");
    // The server notices what the command line did within a second.
    let answer = await create({ user_id: alice.id }, token);
    while (answer.status === 403) answer = await create({ user_id: alice.id }, token);
    expectSuccess(answer, 201);
  });
});

describe("GET /api/tokens/", () => {
  test("shows an admin all records and a user their own, never a token", async () => {
    const user = await person(server);
    const { id } = await issue(server, { user_id: user.id });
    const answer = await server.api("GET", "/api/tokens/", user);
    const { items, total } = expectSuccess(answer) as { items: { id: number; user_id: number }[]; total: number };
    expect(items.map((item) => item.user_id)).toEqual([user.id, user.id]);
    expect(items[1]?.id).toBe(id);
    expect(total).toBe(2);
    const all = await server.api("GET", "/api/tokens/?limit=1000");
    expect((all.body.data as { total: number }).total).toBeGreaterThan(2);
    expect(all.text).not.toMatch(/lty_|hash/);
  });

  test("{token_id}/ shows one: 404 for none and for others'", async () => {
    const get = (id: number) => server.api("GET", `/api/tokens/${id}/`, { token: alice.token });
    expectSuccess(await get((await issue(server, { user_id: alice.id })).id));
    for (const id of [(await issue(server, { user_id: bob.id })).id, 999_999])
      expectFailure(await get(id), 404, "NOT_FOUND");
  });
});

describe("DELETE /api/tokens/{token_id}/", () => {
  test("revokes it for good, and says since when; again is as good as once", async () => {
    const { id, token } = await issue(server, { user_id: alice.id });
    expect(expectSuccess(await server.api("DELETE", `/api/tokens/${id}/`))).toEqual({ id });
    const { revoked_at } = await server.data("GET", `/api/tokens/${id}/`);
    expect(revoked_at).toEqual(timestamp);
    expectSuccess(await server.api("DELETE", `/api/tokens/${id}/`));
    expect(await server.data("GET", `/api/tokens/${id}/`)).toMatchObject({ revoked_at });
    expectFailure(await server.api("GET", "/api/users/", { token }), 401, "UNAUTHENTICATED");
    expectFailure(await server.api("DELETE", "/api/tokens/999999/"), 404, "NOT_FOUND");
  });

  test("is for admins alone, also for one's own", async () => {
    const { id } = await issue(server, { user_id: alice.id });
    for (const token of [alice.token, device.token, await service(server), await issuer(server)]) {
      expectFailure(await server.api("DELETE", `/api/tokens/${id}/`, { token }), 403, "FORBIDDEN");
    }
  });
});

describe("POST /api/tickets/", () => {
  const good = { ticket: expect.stringMatching(/^ltk_[0-9A-Za-z]{43}$/), expires_in_s: 30 };

  test("makes a ticket for oneself: 201, with a body or without", async () => {
    for (const token of [alice.token, device.token, server.adminToken]) {
      expect(expectSuccess(await ticket({}, token), 201)).toEqual(good as never);
      expect(expectSuccess(await server.api("POST", "/api/tickets/", { token }), 201)).toEqual(good as never);
    }
  });

  test("for a device of one's own, and for any device by an admin", async () => {
    for (const token of [alice.token, device.token, server.adminToken]) {
      expect(expectSuccess(await ticket({ device_id: device.id }, token), 201)).toEqual(good as never);
    }
    const unowned = await companion(server);
    expectSuccess(await ticket({ device_id: unowned.id }, server.adminToken), 201);
    for (const [id, token] of [
      [unowned.id, alice.token],
      [device.id, bob.token],
      [unowned.id, device.token],
      [999_999, server.adminToken],
      [999_999, alice.token],
    ] as const) {
      expectFailure(await ticket({ device_id: id }, token), 404, "NOT_FOUND");
    }
  });

  test("is not for services, which open no socket", async () => {
    for (const token of [await service(server), await issuer(server)]) {
      expectFailure(await ticket({}, token), 403, "FORBIDDEN");
    }
  });

  test("an id that is none is 422", async () =>
    expectFailure(await ticket({ device_id: "mine" }, alice.token), 422, "INVALID_VALUE"));

  test("a ticket is no token: requests with it are 401", async () => {
    const made = expectSuccess(await ticket({}, alice.token), 201) as { ticket: string };
    expectFailure(await server.api("GET", "/api/users/", { token: made.ticket }), 401, "UNAUTHENTICATED");
  });
});
