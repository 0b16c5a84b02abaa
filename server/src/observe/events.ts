import { type ErrorCode, GatewayError } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import type { Reset } from "../delivery/attach.ts";
import { Counts } from "./counts.ts";
import type { Logger } from "./log.ts";
import { type Operation, Operations } from "./performance.ts";

/** A session, as far as the log may know it. */
interface SessionFacts {
  readonly id: string;
  readonly remote: string;
  readonly admission: Admission | undefined;
}

/** Operations slower than this are worth a warning, milliseconds. */
const SLOW_MS = 1_000;

/**
 * Everything worth telling an operator: one method per event, so that wording, level and fields stand in one place, and
 * what is counted beside.
 */
export class Events {
  readonly counts = new Counts();
  readonly operations = new Operations();

  #databaseIsAway = false;

  /** What is said of every connection, and mostly heard by nobody, is not even put together then. */
  readonly #isDetailed: boolean;

  constructor(private readonly log: Logger) {
    this.#isDetailed = log.isLevelEnabled("debug");
  }

  listening(url: string): void {
    this.log.info({ url }, "listening");
  }

  draining(signal: string, sockets: number): void {
    this.log.info({ signal, sockets }, "draining");
  }

  stopped(): void {
    this.log.info("stopped");
  }

  connectionOpened(session: SessionFacts): void {
    if (session.admission !== undefined) this.counts.opened.add(session.admission.role);
    if (this.#isDetailed) this.log.debug(facts(session), "connection opened");
  }

  /** A connection was refused, before the upgrade or after it. */
  connectionRefused(remote: string, code: ErrorCode): void {
    this.counts.refused.add(code);
    this.log.debug({ remote, code }, "connection refused");
  }

  connectionClosed(session: SessionFacts, code: number): void {
    this.counts.closed.add(code);
    if (this.#isDetailed) this.log.debug({ ...facts(session), code }, "connection closed");
  }

  /** Somebody could not sign in; the name that was typed may be a password. */
  loginRefused(remote: string, userId: number | undefined): void {
    this.log.info({ remote, user_id: userId }, "login refused");
  }

  originRefused(remote: string, origin: string): void {
    this.log.warn({ remote, origin: printable(origin.slice(0, 200)) }, "browser origin refused");
  }

  noBoundDevice(session: SessionFacts): void {
    this.log.warn(facts(session), "user has no bound device");
  }

  upstreamFailed(session: SessionFacts, what: string, cause: unknown): void {
    this.log.warn({ ...facts(session), err: cause }, what);
  }

  messageSetAside(consumer: string, userId: number, seq: number): void {
    this.log.warn({ consumer, user_id: userId, seq }, "message set aside after too many failed attempts");
  }

  /** A queued frame can never be pushed. The store counts it. */
  queueEntrySetAside(id: number, userId: number, reason: string): void {
    this.log.warn({ queue_id: id, user_id: userId, reason }, "queued message set aside: it can never be pushed");
  }

  /** A push out of the queue failed for now; the user's later ones wait behind it. */
  queueHeld(userId: number, code: string): void {
    this.log.warn({ user_id: userId, code }, "queued messages wait: pushing to this user fails");
  }

  /** The log no longer holds where a client was, and it was told so. */
  resetSent(session: SessionFacts, { lost }: Reset): void {
    this.counts.resetsSent += 1;
    this.log.info({ ...facts(session), lost }, "consumer was reset");
  }

  /** Something that was asked for has been answered, `failed` with an error, after `durationMs`. */
  operationEnded(operation: Operation, durationMs: number, failed: boolean, requestId?: string): void {
    operation.record(durationMs, failed);
    if (durationMs <= SLOW_MS) return;
    const fields = { operation: operation.name, duration_ms: Math.round(durationMs), request_id: requestId };
    this.log.warn(fields, "slow operation");
  }

  /** A request was answered with an error; those of ours, or of what we depend on, are worth a warning. */
  requestFailed(operation: string | undefined, error: GatewayError, requestId: string): void {
    this.counts.httpErrors.add(error.code);
    const fields = { operation, code: error.code, request_id: requestId, err: error.cause };
    if (error.cause === undefined) this.log.debug(fields, "request failed");
    else this.log.warn(fields, "request failed");
  }

  /** Something that is asked for all the time came back from the database. */
  databaseAnswered(): void {
    if (!this.#databaseIsAway) return;
    this.#databaseIsAway = false;
    this.log.info("the database answers again");
  }

  /** An entry of the Redis list can never be queued; it stands in a list of its own. */
  inletEntryDead(): void {
    this.counts.inletDead += 1;
    this.log.warn("an entry of device_messages is no message for a user who is there, and was set aside");
  }

  redisAway(): void {
    this.log.warn("redis does not answer: what other nodes take arrives within seconds instead of at once");
  }

  redisAnswered(): void {
    this.log.info("redis answers: nodes hear one another at once");
  }

  changed(by: string, what: string, subject: Readonly<Record<string, unknown>>): void {
    this.log.info({ by, ...subject }, what);
  }

  internalError(error: unknown, requestId: string, sessionId?: string): void {
    this.counts.internalErrors += 1;
    this.log.error({ err: error, request_id: requestId, session_id: sessionId }, "internal error");
  }

  /** Something failed that no peer waits for. That the database is away is said once, until it answers again. */
  backgroundError(error: unknown): void {
    this.counts.backgroundErrors += 1;
    if (error instanceof GatewayError && error.code === "UNAVAILABLE") {
      if (!this.#databaseIsAway) this.log.error({ err: error.cause ?? error }, "the database does not answer");
      this.#databaseIsAway = true;
      return;
    }
    this.log.error({ err: error }, "background task failed");
  }
}

/** JSON escapes some control characters and leaves others as they are: a terminal may obey those. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, "\ufffd");
}

function facts({ id, remote, admission }: SessionFacts) {
  return { session_id: id, remote, user_id: admission?.userId, device_id: admission?.deviceId, role: admission?.role };
}
