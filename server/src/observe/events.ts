import type { Admission } from "../auth/admission.ts";
import type { Logger } from "./log.ts";

/** A session, as far as the log may know it. */
interface SessionFacts {
  readonly id: string;
  readonly remote: string;
  readonly admission: Admission | undefined;
}

/** Operations slower than this are worth a warning, milliseconds. */
const SLOW_MS = 1_000;

/** Everything worth telling an operator: one method per event, so that wording, level and fields stand in one place. */
export class Events {
  constructor(private readonly log: Logger) {}

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
    this.log.debug(facts(session), "connection opened");
  }

  connectionRefused(remote: string, code: string): void {
    this.log.debug({ remote, code }, "connection refused");
  }

  connectionClosed(session: SessionFacts, code: number): void {
    this.log.debug({ ...facts(session), code }, "connection closed");
  }

  originRefused(remote: string, origin: string): void {
    this.log.warn({ remote, origin: origin.slice(0, 200) }, "browser origin refused");
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

  slowOperation(operation: string, durationMs: number): void {
    if (durationMs > SLOW_MS) this.log.warn({ operation, duration_ms: Math.round(durationMs) }, "slow operation");
  }

  changed(by: string, what: string, subject: Readonly<Record<string, unknown>>): void {
    this.log.info({ by, ...subject }, what);
  }

  internalError(error: unknown, requestId: string, sessionId?: string): void {
    this.log.error({ err: error, request_id: requestId, session_id: sessionId }, "internal error");
  }

  /** Something failed that no peer waits for. */
  backgroundError(error: unknown): void {
    this.log.error({ err: error }, "background task failed");
  }
}

function facts({ id, remote, admission }: SessionFacts) {
  return { session_id: id, remote, user_id: admission?.userId, device_id: admission?.deviceId, role: admission?.role };
}
