import type { Clock, Timer } from "../platform/clock.ts";
import { hashToken, LEGACY_TOKEN_PATTERN, TOKEN_PATTERN } from "../platform/ids.ts";
import type { CredentialReader, CredentialRecord } from "../store/store.ts";
import type { Tokens } from "../store/tokens.ts";

/** Most tokens whose last use waits to be written; further ones are noted at their next use. */
const MAX_UNWRITTEN = 10_000;
const WRITE_EVERY_MS = 60_000;

/** Turns a token into who holds it. */
export class Authenticator {
  readonly #used = new Map<number, number>();
  readonly #timer: Timer;
  #written = Promise.resolve();

  constructor(
    private readonly reader: CredentialReader,
    private readonly tokens: Tokens,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = clock.every(WRITE_EVERY_MS, () => void this.flush());
  }

  /** The record of a token that may be used now; null when it is unknown, expired, revoked, or its user disabled. */
  byToken(token: string): CredentialRecord | null | Promise<CredentialRecord | null> {
    // What cannot be a token needs no look at the database.
    if (!TOKEN_PATTERN.test(token) && !LEGACY_TOKEN_PATTERN.test(token)) return null;
    const found = this.reader.findByHash(hashToken(token));
    return found instanceof Promise ? found.then((record) => this.#judge(record)) : this.#judge(found);
  }

  /** As `byToken`, for a ticket that was made with that token. */
  byTokenId(tokenId: number): CredentialRecord | null | Promise<CredentialRecord | null> {
    const found = this.reader.findById(tokenId);
    return found instanceof Promise ? found.then((record) => this.#judge(record)) : this.#judge(found);
  }

  /** A credential that was found before was used again. */
  noteUse(tokenId: number): void {
    if (this.#used.size < MAX_UNWRITTEN || this.#used.has(tokenId)) this.#used.set(tokenId, this.clock.now());
  }

  /** Writes when tokens were last used; resolves once that, and what was being written already, is done. */
  flush(): Promise<void> {
    this.#written = this.#written.then(() => this.#write());
    return this.#written;
  }

  stop(): void {
    this.#timer.stop();
  }

  #judge(record: CredentialRecord | undefined): CredentialRecord | null {
    if (record === undefined || record.refused) return null;
    if (record.expiresAt !== null && record.expiresAt <= this.clock.now()) return null;
    this.noteUse(record.tokenId);
    return record;
  }

  async #write(): Promise<void> {
    const used = new Map(this.#used);
    this.#used.clear();
    try {
      await this.tokens.markUsed(used);
    } catch (error) {
      this.failed(error);
    }
  }
}
