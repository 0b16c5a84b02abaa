import { randomBytes } from "node:crypto";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BODY_CHARS = 43;

/** `lty_` and 43 base62 characters: 256 bits of the system's randomness. */
export const TOKEN_PATTERN = /^lty_[0-9A-Za-z]{43}$/;
/** Tokens of the original system (Django REST framework): 40 hex characters. */
export const LEGACY_TOKEN_PATTERN = /^[0-9a-f]{40}$/;

/** Makes a new token. It exists in clear only in the answer that hands it out. */
export function mintToken(): string {
  return `lty_${randomBase62(BODY_CHARS)}`;
}

/** Makes a one-use ticket, as strong as a token. */
export function mintTicket(): string {
  return `ltk_${randomBase62(BODY_CHARS)}`;
}

/** The characters that name a token in lists and logs: the 8 after `lty_`, or the first 8 of an imported token. */
export function tokenPrefix(token: string): string {
  return token.startsWith("lty_") ? token.slice(4, 12) : token.slice(0, 8);
}

/** What the database keeps of a token: SHA-256, lower-case hex. */
export function hashToken(token: string): string {
  return new Bun.CryptoHasher("sha256").update(token).digest("hex");
}

/** A time-ordered id (UUID version 7, RFC 9562) for messages and sessions. */
export function newId(): string {
  return Bun.randomUUIDv7();
}

/**
 * Ids of things that this process counts: whoever has one keeps a number, and the text is made where it is asked for. The
 * text is a UUID (version 8, RFC 9562): 58 random bits of the process, and the count in the last 48.
 */
export class CountedIds {
  readonly #process: string;
  #last = 0;

  constructor() {
    const random = crypto.randomUUID();
    this.#process = `${random.slice(0, 14)}8${random.slice(15, 24)}`;
  }

  /** The number of the next. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  text(number: number): string {
    return this.#process + number.toString(16).padStart(12, "0");
  }

  /** The number behind a text; 0, which nobody has, where it is none of this process. */
  number(text: string): number {
    return text.startsWith(this.#process) ? Number.parseInt(text.slice(this.#process.length), 16) : 0;
  }
}

/** Base-62 digits of a random 256-bit number: 43 digits hold 256 bits, and no bit is thrown away. */
function randomBase62(chars: number): string {
  let number = BigInt(`0x${randomBytes(32).toString("hex")}`);
  let text = "";
  for (let i = 0; i < chars; i++) {
    text += BASE62[Number(number % 62n)];
    number /= 62n;
  }
  return text;
}
