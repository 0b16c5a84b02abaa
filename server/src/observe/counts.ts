import { Close, type ErrorCode, Errors } from "@qy-lty/protocol";
import type { Role } from "../auth/admission.ts";

/** Counts by key. The keys are known beforehand, so that a peer cannot make new ones: what is not among them is `other`. */
export class Tally<Key extends string | number> {
  readonly #counts: Map<Key | "other", number>;

  constructor(keys: Iterable<Key>) {
    this.#counts = new Map(Array.from(keys, (key) => [key, 0]));
  }

  add(key: Key): void {
    const known = this.#counts.has(key) ? key : "other";
    this.#counts.set(known, (this.#counts.get(known) ?? 0) + 1);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  entries(): Iterable<[Key | "other", number]> {
    return this.#counts.entries();
  }
}

export const ROLES: readonly Role[] = ["app", "device", "user"];
const ERROR_CODES = Object.keys(Errors) as ErrorCode[];
/** What a client library may close with beside our own codes (RFC 6455, section 7.4.1). */
const STANDARD_CLOSES = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011];
const CLOSE_CODES = new Set<number>([...STANDARD_CLOSES, ...Object.values(Close).map(({ code }) => code)]);

/** What a connection can be refused with. */
const REFUSALS: readonly ErrorCode[] = [
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NO_DEVICE",
  "NOT_FOUND",
  "UNAVAILABLE",
  "INTERNAL_ERROR",
];

/** What happened on connections and over HTTP since the start: plain numbers, which are read when somebody asks. */
export class Counts {
  readonly opened = new Tally<Role>(ROLES);
  readonly refused = new Tally<ErrorCode>(REFUSALS);
  readonly closed = new Tally<number>(CLOSE_CODES);
  /** Errors that were said on sockets. */
  readonly socketErrors = new Tally<ErrorCode>(ERROR_CODES);
  /** Errors that were answered over HTTP. */
  readonly httpErrors = new Tally<ErrorCode>(ERROR_CODES);
  /** Frames that came: acknowledgements, first frames with a credential, and what is no known type or was not read. */
  acksReceived = 0;
  authsReceived = 0;
  othersReceived = 0;
  /** Frames that went out through the delivery: pushed messages, `skip` and `device_status`. */
  pushed = 0;
  statusesSent = 0;
  /** Devices that were said to be gone without asking whether they are elsewhere: too many waited. */
  statusesUnchecked = 0;
  resetsSent = 0;
  byesSent = 0;
  internalErrors = 0;
  backgroundErrors = 0;
  /** Entries of the Redis list that could never be queued. */
  inletDead = 0;
}
