import { matchesDjangoHash, parseDjangoHash, spendDjangoTime } from "./django-password.ts";
import { WorkSlots } from "./work-slots.ts";

/** A hash takes 64 MiB and 0.1 s of a processor: two at once leave the others to the sockets. */
const AT_ONCE = 2;
const MOST_WAITING = 64;

/** The heavy parts, which tests count. */
export interface PasswordWork {
  argon2Hash(password: string): Promise<string>;
  argon2Verify(password: string, hash: string): Promise<boolean>;
  djangoVerify: typeof matchesDjangoHash;
  djangoSpend: typeof spendDjangoTime;
}

// Bun's defaults, 64 MiB and two passes, are well above OWASP's minimum (19 MiB and two). All of it runs on other threads.
const REAL: PasswordWork = {
  argon2Hash: (password) => Bun.password.hash(password, "argon2id"),
  argon2Verify: (password, hash) => Bun.password.verify(password, hash),
  djangoVerify: matchesDjangoHash,
  djangoSpend: spendDjangoTime,
};

/** What a check found. */
export interface PasswordCheck {
  readonly matches: boolean;
  /** It matches a hash of Django's, which argon2id should replace. */
  readonly isLegacy: boolean;
}

const WRONG: PasswordCheck = { matches: false, isLegacy: false };

/**
 * Makes and checks password hashes: argon2id, and PBKDF2 as Django makes it. A few at once; some wait.
 *
 * A wrong password costs the same work whatever stands in the database, so that the time of a refusal tells nobody who
 * exists: one argon2id, and, as long as there are hashes of Django's, as much PBKDF2 as the costliest one met so far.
 */
export class Passwords {
  readonly #slots = new WorkSlots(AT_ONCE, MOST_WAITING);
  #decoy: Promise<string> | undefined;
  #djangoIterations = 0;

  constructor(private readonly work: PasswordWork = REAL) {}

  /** @throws GatewayError `UNAVAILABLE` when too many wait */
  hash(password: string): Promise<string> {
    return this.#slots.run(() => this.work.argon2Hash(password));
  }

  /**
   * Whether `password` belongs to `stored`; null is nobody's hash, and matches nothing.
   * @throws GatewayError `UNAVAILABLE` when too many wait
   */
  check(stored: string | null, password: string): Promise<PasswordCheck> {
    return this.#slots.run(async () => {
      const isArgon2 = stored?.startsWith("$argon2") ?? false;
      const matches = await this.work.argon2Verify(password, isArgon2 && stored ? stored : await this.#decoyHash());
      if (isArgon2 && matches) return { matches: true, isLegacy: false };
      const django = stored === null ? undefined : parseDjangoHash(stored);
      if (django !== undefined) {
        this.expectDjango(stored ?? "");
        if (await this.work.djangoVerify(django, password)) return { matches: true, isLegacy: true };
      }
      await this.work.djangoSpend(this.#djangoIterations - (django?.iterations ?? 0), password);
      return WRONG;
    });
  }

  /** There are hashes like this one of Django's: from now on every refusal takes as long as checking it. */
  expectDjango(stored: string): void {
    this.#djangoIterations = Math.max(this.#djangoIterations, parseDjangoHash(stored)?.iterations ?? 0);
  }

  /** Whether `expectDjango` has been told of any. */
  get expectsDjango(): boolean {
    return this.#djangoIterations > 0;
  }

  #decoyHash(): Promise<string> {
    this.#decoy ??= this.work.argon2Hash(crypto.randomUUID());
    return this.#decoy;
  }
}
