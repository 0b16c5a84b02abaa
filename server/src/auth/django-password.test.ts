import { describe, expect, test } from "bun:test";
import { matchesDjangoHash, parseDjangoHash } from "./django-password.ts";

// Made by Django 5.2 of "密码 correct horse".
const SHA256 = "pbkdf2_sha256$1000$Nacl0123456789abcdefgh$pShGiXqUbpnD0uoPUmEl7CTHbF09PlAqhHieWRxfir4=";
const SHA1 = "pbkdf2_sha1$1000$Nacl0123456789abcdefgh$hO3qIO8MXtL6W0M4Sol7v1bKLr8=";

describe("a hash of Django's", () => {
  test.each([SHA256, SHA1])("%s matches its password alone", async (text) => {
    const hash = parseDjangoHash(text);
    if (hash === undefined) throw new Error("not read");
    expect(await matchesDjangoHash(hash, "密码 correct horse")).toBe(true);
    expect(await matchesDjangoHash(hash, "密码 correct horsE")).toBe(false);
    expect(await matchesDjangoHash(hash, "")).toBe(false);
  });

  test.each([
    "",
    "!GwxvUd8nK7GwQwqFitOM8iKx39clVyuwEzr1AxOL",
    "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA",
    SHA256.replace("sha256", "md5"),
    SHA256.replace("1000", "0"),
    SHA256.replace("1000", "10000001"),
    SHA256.replace("1000", "1e3"),
    SHA256.replace("Nacl0123456789abcdefgh", ""),
    SHA256.replace("pShG", ""),
    `${SHA256}$`,
  ])("%j is none", (text) => {
    expect(parseDjangoHash(text)).toBeUndefined();
  });
});
