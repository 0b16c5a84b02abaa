import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";
import { networkOf } from "./login.ts";

const DJANGO = "pbkdf2_sha256$1000$Nacl0123456789abcdefgh$pShGiXqUbpnD0uoPUmEl7CTHbF09PlAqhHieWRxfir4=";
const PASSWORD = "密码 correct horse";
const DAY_MS = 86_400_000;

async function start() {
  const clock = new ManualClock();
  const transport = new MemoryTransport();
  const gateway = await startTestGateway({ transport, clock });
  const { users } = gateway.store;
  const signIn = (username: unknown, password: unknown = PASSWORD) =>
    gateway.http<{ token: string }>("POST", "/api/login/", { body: { username, password } });
  return { clock, gateway, users, signIn };
}

describe("signing in", () => {
  test("gives a token that works for 30 days", async () => {
    const { clock, gateway, users, signIn } = await start();
    await using _gateway = gateway;
    const anna = await users.create({ username: "anna", passwordHash: await Bun.password.hash(PASSWORD) });
    const { status, body } = await signIn("anna");
    expect({ status, data: body.data }).toEqual({
      status: 200,
      data: {
        token: expect.stringMatching(/^lty_/),
        token_id: 1,
        expires_at: new Date(clock.now() + 30 * DAY_MS).toISOString(),
        expires_in_s: 2_592_000,
        user: { id: anna.id, username: "anna", is_admin: false, is_active: true, created_at: expect.any(String) },
      } as never,
    });
    const { token } = body.data;
    expect((await gateway.http("GET", `/api/users/${anna.id}/`, { token })).status).toBe(200);
    expect((await gateway.store.audit.list({ limit: 1, offset: 0 })).items).toMatchObject([
      { who: `user:${anna.id}`, what: "signed in", subject: { token_id: 1 } },
    ]);
  });

  test("puts argon2id in the place of a hash of Django's", async () => {
    const { gateway, users, signIn } = await start();
    await using _gateway = gateway;
    const { id } = await users.create({ username: "anna", passwordHash: DJANGO });
    expect((await signIn("anna", "wrong")).status).toBe(401);
    expect((await users.find(id))?.password_hash).toBe(DJANGO);
    expect((await signIn("anna")).status).toBe(200);
    expect((await users.find(id))?.password_hash).toStartWith("$argon2id$");
    expect((await signIn("anna")).status).toBe(200);
    expect(await users.findDjangoHash()).toBeUndefined();
  });

  test("does not undo a password that was changed meanwhile", async () => {
    const { gateway, users } = await start();
    await using _gateway = gateway;
    const { id } = await users.create({ username: "anna", passwordHash: "newer" });
    await users.replaceHash(id, DJANGO, "upgraded");
    expect((await users.find(id))?.password_hash).toBe("newer");
  });

  test("is refused alike for an unknown name, a wrong password, none, and a disabled user", async () => {
    const { gateway, users, signIn } = await start();
    await using _gateway = gateway;
    const passwordHash = await Bun.password.hash(PASSWORD);
    await users.create({ username: "anna", passwordHash });
    await users.create({ username: "ben" });
    const { id } = await users.create({ username: "carl", passwordHash });
    await users.change(id, { isActive: false });
    for (const [username, password] of [
      ["nobody", PASSWORD],
      ["anna", "wrong"],
      ["ben", PASSWORD],
      ["carl", PASSWORD],
      ["ANNA", PASSWORD],
    ] as const) {
      const { status, body } = await signIn(username, password);
      expect({ answered: status, ...body, request_id: "" } as unknown).toEqual({
        answered: 401,
        status: "error",
        message: "Authentication required: wrong user name or password",
        code: "UNAUTHENTICATED",
        request_id: "",
      });
    }
  });

  test.each([
    ["nothing", undefined, undefined, 400],
    ["an empty password", "anna", "", 400],
    ["a name that is no text", 7, "x", 422],
    ["a password of 1,025 characters", "anna", "x".repeat(1_025), 422],
  ])("with %s is refused", async (_, username, password, status) => {
    const { gateway } = await start();
    await using _gateway = gateway;
    const body = { ...(username && { username }), ...(password !== undefined && { password }) };
    expect((await gateway.http("POST", "/api/login/", { body })).status).toBe(status);
  });

  test("to one account is held back after ten attempts, known or not, right or wrong; others are not", async () => {
    const { clock, gateway, users, signIn } = await start();
    await using _gateway = gateway;
    await users.create({ username: "anna", passwordHash: await Bun.password.hash(PASSWORD) });
    for (const username of ["anna", "nobody"]) {
      for (let n = 0; n < 10; n++) expect((await signIn(username, "wrong")).status).toBe(401);
      const { status, headers, body } = await signIn(username);
      expect({ status, code: body.code }).toEqual({ status: 429, code: "RATE_LIMITED" });
      expect(headers.get("retry-after")).toBe("30");
    }
    clock.advance(30_000);
    expect((await signIn("anna")).status).toBe(200);
    expect((await signIn("anna")).status).toBe(429);
  }, 60_000);
});

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["::1", "0:0:0:0"],
])("%s is held back as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
