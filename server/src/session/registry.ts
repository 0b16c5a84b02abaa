import { Close, type CloseReason } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import { principalKey } from "../auth/principal.ts";
import type { Broker } from "../broker/broker.ts";
import type { Meter, PrincipalMeters } from "../dispatch/limits.ts";
import { Topics } from "../hub/topics.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import { CountedIds } from "../platform/ids.ts";
import type { LastSeen } from "../presence/last-seen.ts";
import type { Session } from "./session.ts";

const SWEEP_EVERY_MS = 1_000;

/** Every session of this node, and what each listens to. */
export class Registry {
  /** Sessions by the user whose messages they receive. */
  readonly users = new Topics<Session>();
  /** Sessions by the device whose messages they receive. */
  readonly devices = new Topics<Session>();
  readonly ids = new CountedIds();
  /** Open sockets by their session's number, let in or not, until the transport says they are gone. */
  readonly #sockets = new Map<number, Session>();
  #letIn = 0;
  readonly #expiring = new Set<Session>();
  /** Sessions whose credential is good, and who wait to be let in. */
  readonly #arriving = new Map<Session, Admission>();
  readonly #listeners: ((session: Session) => void)[] = [];
  readonly #timer: Timer;
  #whenEmpty: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly meters: PrincipalMeters,
    private readonly lastSeen: LastSeen,
    private readonly broker: Pick<Broker, "follow" | "unfollow">,
  ) {
    this.#timer = clock.every(SWEEP_EVERY_MS, () => this.#sweep());
  }

  /** Runs `listener` when a session was let in, and when it left. */
  onChange(listener: (session: Session) => void): void {
    this.#listeners.push(listener);
  }

  /** Sessions that were let in. */
  get size(): number {
    return this.#letIn;
  }

  /** Open sockets, also those that are being authenticated or closed. */
  get sockets(): number {
    return this.#sockets.size;
  }

  /** A socket was opened; it listens to nothing yet. */
  opening(session: Session): void {
    this.#sockets.set(session.number, session);
  }

  /** A session will be let in as `admission` once it is known what it receives; what ends its kind until then ends it too. */
  arriving(session: Session, admission: Admission): void {
    this.#arriving.set(session, admission);
  }

  /** Lets a session in: it joins its topics. */
  add(session: Session, admission: Admission): void {
    this.#arriving.delete(session);
    this.#letIn += 1;
    if (admission.userId !== null) {
      if (!this.users.has(admission.userId)) this.broker.follow(admission.userId);
      this.users.join(admission.userId, session);
    }
    if (admission.deviceId !== null) this.devices.join(admission.deviceId, session);
    if (admission.expiresAt !== null) this.#expiring.add(session);
    for (const listener of this.#listeners) listener(session);
  }

  /** Leaves everything that `add` joined. */
  leave(session: Session, admission: Admission): void {
    this.#letIn -= 1;
    if (admission.userId !== null) {
      this.users.leave(admission.userId, session);
      if (!this.users.has(admission.userId)) this.broker.unfollow(admission.userId);
    }
    if (admission.deviceId !== null) {
      this.devices.leave(admission.deviceId, session);
      this.lastSeen.note(admission.deviceId);
    }
    this.#expiring.delete(session);
    for (const listener of this.#listeners) listener(session);
  }

  /** The meter of a session's principal, from its first frame until `releaseMeter`. */
  holdMeter({ principal }: Admission): Meter {
    return this.meters.hold(principalKey(principal));
  }

  releaseMeter({ principal }: Admission): void {
    this.meters.release(principalKey(principal));
  }

  /** The transport says the socket is no more. */
  gone(session: Session): void {
    this.#sockets.delete(session.number);
    this.#arriving.delete(session);
    if (this.#sockets.size === 0) this.#whenEmpty?.();
  }

  /** Sessions that receive a device's messages, those included who wait to be let in. */
  ofDevice(deviceId: number): Session[] {
    const found: Session[] = [];
    this.devices.each(deviceId, (session) => void (session.admission?.role === "device" && found.push(session)));
    for (const [session, admission] of this.#arriving) {
      if (admission.role === "device" && admission.deviceId === deviceId) found.push(session);
    }
    return found;
  }

  /** A session that was let in, and has not ended. */
  find(sessionId: string): Session | undefined {
    const session = this.#sockets.get(this.ids.number(sessionId));
    return session?.isOpen ? session : undefined;
  }

  /** Sessions that were let in, and have not ended. */
  *all(): Generator<Session> {
    for (const session of this.#sockets.values()) if (session.isOpen) yield session;
  }

  /** Pushes a frame to every session that was let in: to the others, a push is nothing. */
  pushToAll(frame: string): void {
    this.#sockets.forEach((session) => {
      session.push(frame);
    });
  }

  /** Closes every session that `which` picks. */
  closeWhere(which: (admission: Admission) => boolean, reason: CloseReason): void {
    for (const session of [...this.all()]) {
      if (session.admission !== undefined && which(session.admission)) session.close(reason);
    }
    for (const [session, admission] of [...this.#arriving]) if (which(admission)) session.close(reason);
  }

  /** Closes every socket, those still being authenticated too. */
  closeAll(reason: CloseReason): void {
    for (const session of [...this.#sockets.values()]) session.close(reason);
  }

  /** Resolves when no socket is left, or after `timeoutMs`. */
  async emptied(timeoutMs: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(timeoutMs, resolve);
      this.#whenEmpty = () => {
        timer.stop();
        resolve();
      };
    });
  }

  stop(): void {
    this.#timer.stop();
  }

  #sweep(): void {
    const now = this.clock.now();
    for (const session of [...this.#expiring]) {
      if ((session.admission?.expiresAt ?? Number.POSITIVE_INFINITY) <= now) session.close(Close.expired);
    }
    this.meters.sweep(this.clock.monotonic());
  }
}
