import { describe, expect, test } from "bun:test";
import { matchesDjangoHash } from "./django-password.ts";
import { Passwords, type PasswordWork } from "./passwords.ts";

const DJANGO = "pbkdf2_sha256$1000$Nacl0123456789abcdefgh$pShGiXqUbpnD0uoPUmEl7CTHbF09PlAqhHieWRxfir4=";
const OLDER = DJANGO.replace("1000", "600");
/** As Django's argon2 hasher makes it of the same password, with eight lanes. */
const LANES =
  "$argon2id$v=19$m=102400,t=2,p=8$UFNTSEJQMUlhRVlNTlRNYUl5SHRuUQ$3TsGlOe2fv9v/3VWgMFJt+zbjzmITt8/VlL6DcuB3ks";
const PASSWORD = "密码 correct horse";
const ARGON2 = "$argon2id$right";

/** Counts what a check works: calls of argon2id, iterations of PBKDF2. */
function counted() {
  const done = { argon2: 0, iterations: 0 };
  const work: PasswordWork = {
    argon2Hash: async () => "$argon2id$decoy",
    argon2Verify: async (password, hash) => {
      done.argon2 += 1;
      return hash === ARGON2 && password === PASSWORD;
    },
    djangoVerify: (hash, password) => {
      done.iterations += hash.iterations;
      return matchesDjangoHash(hash, password);
    },
    djangoSpend: async (iterations) => {
      done.iterations += Math.max(0, iterations);
    },
  };
  return { passwords: new Passwords(work), done };
}

describe("Passwords", () => {
  test("makes argon2id, and knows its own", async () => {
    const passwords = new Passwords();
    const hash = await passwords.hash(PASSWORD);
    expect(hash).toStartWith("$argon2id$v=19$m=65536,t=2,p=1$");
    expect(await passwords.check(hash, PASSWORD)).toEqual({ matches: true, isLegacy: false });
    expect(await passwords.check(hash, "wrong")).toEqual({ matches: false, isLegacy: false });
  });

  test("knows what Django has made", async () => {
    const passwords = new Passwords();
    expect(await passwords.check(DJANGO, PASSWORD)).toEqual({ matches: true, isLegacy: true });
    expect(await passwords.check(DJANGO, "wrong")).toEqual({ matches: false, isLegacy: false });
    expect(await passwords.check(LANES, PASSWORD)).toEqual({ matches: true, isLegacy: false });
  });

  const refused: [string, string | null, string][] = [
    ["nobody", null, PASSWORD],
    ["argon2id and a wrong password", ARGON2, "wrong"],
    ["Django's and a wrong password", DJANGO, "wrong"],
    ["an older one of Django's", OLDER, "wrong"],
    ["a hash that nobody knows", "md5$salt$hash", PASSWORD],
    ["the empty hash", "", ""],
  ];

  test.each(refused)("refuses %s with the same work as any other", async (_, stored, password) => {
    const { passwords, done } = counted();
    expect(await passwords.check(stored, password)).toEqual({ matches: false, isLegacy: false });
    const alone = { ...done };
    expect(alone.argon2).toBe(1);
    expect(passwords.expectsDjango).toBe(stored?.startsWith("pbkdf2") ?? false);

    passwords.expectDjango(DJANGO);
    await passwords.check(stored, password);
    expect({ argon2: done.argon2 - alone.argon2, iterations: done.iterations - alone.iterations }).toEqual({
      argon2: 1,
      iterations: 1_000,
    });
  });
});
