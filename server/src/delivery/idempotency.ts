import type { Idempotency } from "../store/log-store.ts";

/** An idempotency key, and whose it is. */
export type CallerKey = Omit<Idempotency, "fingerprint">;

/** Tells apart what may not share a key: a digest of the JSON text of `request`. */
export function fingerprintOf(request: readonly unknown[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(request)).digest("base64url");
}
