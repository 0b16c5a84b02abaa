import type { Admission } from "../auth/admission.ts";
import type { Cursor, CursorKey, LogStore, StreamPosition } from "../store/log-store.ts";
import type { Consumer } from "./consumer.ts";
import type { Consumers } from "./consumers.ts";

/** Where a client says it stands: the `seq` and `message_id` that it handled last, in which epoch. */
export interface ResumePoint {
  readonly epoch: string;
  readonly seq: number;
  /** Without it, `seq` proves nothing and is not looked at. */
  readonly last: string | null;
}

/** The log does not hold where the client was. */
export interface Reset {
  readonly epoch: string;
  readonly lost: { readonly from: number; readonly to: number };
}

/** A consumer that is ready to be pumped to. */
export interface Attachment {
  readonly consumer: Consumer;
  readonly position: StreamPosition;
  /** The client's own place was found in the log. */
  readonly resumed: boolean;
  readonly reset: Reset | null;
}

/** What a connection must not miss anything as, and where it starts when it was never seen; null: live only. */
export function consumerOf(
  { role, userId, deviceId }: Admission,
  clientId: string | null,
): (CursorKey & { readonly start: "oldest" | "top" }) | null {
  if (userId === null) return null;
  switch (role) {
    case "device":
      return { consumer: `device:${deviceId}`, userId, start: "oldest" };
    case "app":
      return clientId === null ? null : { consumer: `app:${userId}:${clientId}`, userId, start: "top" };
    case "user":
      return { consumer: `user:${userId}`, userId, start: "oldest" };
  }
}

/** Finds the cursor of a connection, and whether the client's own word of where it stands agrees with the log. */
export class Attacher {
  constructor(
    private readonly log: LogStore,
    private readonly consumers: Consumers,
  ) {}

  /** At once where the log answers at once and nothing has to be written first. */
  attach(
    key: CursorKey & { readonly start: "oldest" | "top" },
    resume: ResumePoint | null,
    /** Whether the cursor says all that was sent; else anything may have been. */
    isTold = true,
  ): Attachment | Promise<Attachment> {
    const position = this.log.position(key.userId);
    const cursor = this.log.cursor(key);
    const proceed = (at: StreamPosition, found: Cursor | undefined) =>
      this.#proceed(key, resume, at, isTold || found === undefined ? found : { ...found, sent: at.top });
    const attachment =
      position instanceof Promise || cursor instanceof Promise
        ? Promise.all([position, cursor]).then((found) => proceed(...found))
        : proceed(position, cursor);
    return attachment instanceof Promise ? this.#later(key, attachment) : attachment;
  }

  /** While the answer is on its way, nothing that is known of the consumer is forgotten. */
  async #later(key: CursorKey, attachment: Promise<Attachment>): Promise<Attachment> {
    this.consumers.expect(key);
    try {
      const found = await attachment;
      return { ...found, consumer: this.consumers.keep(found.consumer) };
    } catch (error) {
      this.consumers.abandon(key);
      throw error;
    } finally {
      this.consumers.arrived(key);
    }
  }

  #proceed(
    key: CursorKey & { readonly start: "oldest" | "top" },
    resume: ResumePoint | null,
    position: StreamPosition,
    cursor: Cursor | undefined,
  ): Attachment | Promise<Attachment> {
    const known = this.consumers.known(key, cursor);
    if (known === undefined && cursor === undefined && key.start === "top") return this.#begin(key, resume);
    const consumer = known ?? this.consumers.adopt(cursor ?? atOldest(key, position));
    // Of a log that holds nothing there is nothing to wait for.
    if (cursor === undefined && position.top > 0) this.consumers.meet(consumer);
    // Also what was sent on another node.
    if (cursor?.epoch === consumer.epoch) consumer.sent = Math.max(consumer.sent, cursor.sent);
    return this.#resume(consumer, resume, position);
  }

  /** A new app starts at the top; one that was forgotten and returns is told what it missed. */
  async #begin(key: CursorKey, resume: ResumePoint | null): Promise<Attachment> {
    // Where there are too many, the one unseen for longest goes: who is here is not that one.
    await this.consumers.keepSeen(0, key.userId);
    const consumer = this.consumers.adopt(await this.log.createCursorAtTop(key));
    const position = await this.log.position(key.userId);
    const attachment = await this.#resume(consumer, resume, position);
    if (resume === null || attachment.reset !== null || resume.seq === consumer.acked) return attachment;
    const reset = { epoch: position.epoch, lost: stretch(resume.seq, consumer.acked) };
    return { consumer, position, resumed: false, reset };
  }

  #resume(consumer: Consumer, resume: ResumePoint | null, position: StreamPosition): Attachment | Promise<Attachment> {
    if (resume === null) return { consumer, position, resumed: false, reset: null };
    const { epoch, epochBase, top } = position;
    if (resume.epoch !== epoch) {
      return { consumer, position, resumed: false, reset: { epoch, lost: stretch(epochBase, resume.seq) } };
    }
    if (resume.last === null) return { consumer, position, resumed: false, reset: null };
    if (resume.seq > top) return this.#goBack(consumer, resume, position);
    const held = resume.seq === 0 ? undefined : this.log.idAt(consumer.userId, resume.seq);
    return held instanceof Promise
      ? held.then((id) => this.#compare(consumer, resume, position, id))
      : this.#compare(consumer, resume, position, held);
  }

  #compare(
    consumer: Consumer,
    resume: ResumePoint,
    position: StreamPosition,
    held: string | undefined,
  ): Attachment | Promise<Attachment> {
    if (held !== undefined && held !== resume.last) return this.#goBack(consumer, resume, position);
    // Where the message is no longer held nothing speaks against the client's word, but nothing for it either.
    if (held !== undefined && resume.seq > consumer.acked && consumer.connections === 0) {
      consumer.moveTo(resume.seq);
      this.consumers.touch(consumer);
    }
    return { consumer, position, resumed: held !== undefined || resume.seq <= consumer.acked, reset: null };
  }

  /** The log is older than the client: from here on it counts as another log. */
  async #goBack(consumer: Consumer, resume: ResumePoint, { epoch: from }: StreamPosition): Promise<Attachment> {
    const position = await this.log.beginEpoch(consumer.userId, from);
    const kept = this.consumers.keep(consumer);
    this.consumers.moveEpoch(consumer.userId, from, position);
    const { epoch, epochBase } = position;
    return { consumer: kept, position, resumed: false, reset: { epoch, lost: stretch(epochBase, resume.seq) } };
  }
}

function atOldest({ consumer, userId }: CursorKey, { epoch }: StreamPosition): Cursor {
  return { consumer, userId, epoch, acked: 0, sent: 0, attempts: 0 };
}

/** The stretch between two places, whichever comes first. */
function stretch(a: number, b: number): Reset["lost"] {
  return { from: Math.min(a, b) + 1, to: Math.max(a, b) };
}
