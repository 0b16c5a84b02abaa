import { pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);

/** More than this, and a crafted hash would keep a processor busy for minutes; Django's own default is about a million. */
const MAX_ITERATIONS = 10_000_000;
const KEY_BYTES = { sha1: 20, sha256: 32 } as const;
const DECOY_SALT = "decoy";

/** A password as Django's PBKDF2 hashers keep it. */
export interface DjangoHash {
  readonly digest: keyof typeof KEY_BYTES;
  /** 1 to 10,000,000 */
  readonly iterations: number;
  readonly salt: string;
  readonly key: Buffer;
}

/** Reads `pbkdf2_sha256$iterations$salt$hash` (and `pbkdf2_sha1`); undefined for anything else. */
export function parseDjangoHash(text: string): DjangoHash | undefined {
  const match = /^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([^$]+)\$([A-Za-z0-9+/]+={0,2})$/.exec(text);
  if (match === null) return undefined;
  const [, digest, count, salt = "", encoded = ""] = match;
  const key = Buffer.from(encoded, "base64");
  const iterations = Number(count);
  if (digest !== "sha1" && digest !== "sha256") return undefined;
  if (iterations < 1 || iterations > MAX_ITERATIONS || key.length !== KEY_BYTES[digest]) return undefined;
  return { digest, iterations, salt, key };
}

/** Whether `password` is the one that was hashed. Off the main thread. */
export async function matchesDjangoHash(
  { digest, iterations, salt, key }: DjangoHash,
  password: string,
): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, iterations, key.length, digest), key);
}

/** Takes as long as `iterations` of a check do, and answers nothing. */
export async function spendDjangoTime(iterations: number, password: string): Promise<void> {
  if (iterations > 0) await derive(password, DECOY_SALT, iterations, KEY_BYTES.sha256, "sha256");
}
