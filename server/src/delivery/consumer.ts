import { type Cursor, type CursorKey, firstEpoch } from "../store/log-store.ts";

/** One connection's part in a consumer. */
export interface Participant {
  /** Everything up to here it has handled. */
  readonly acked: number;
}

/** The origin that was met last: nearly all epochs were made of one. */
let sharedOrigin = "";

/** What must not miss a message: a device, an app that names itself, or a user's connections that name nothing. */
export class Consumer implements CursorKey {
  readonly consumer: string;
  readonly userId: number;
  /** The origin of its epoch, the same text for all who share it; or an epoch that was begun later. */
  #epoch = "";
  #isFirstEpoch = false;
  /** Everything up to here was handled by every connection that shares this consumer. */
  acked: number;
  /** Up to here it may have been sent on some connection. */
  sent: number;
  /** Failed attempts to have the first unacknowledged message handled. */
  attempts: number;
  /** The connections that share it; nearly always there is one, which is kept without a set around it. */
  #participants: Participant | Set<Participant> | undefined;
  /** When it was last written down as connected, milliseconds since the epoch. */
  seenAt = 0;
  /** Where the furthest behind of those that left stood: the cursor stays there until one joins and starts from it. */
  #held = Number.POSITIVE_INFINITY;
  /** How many connections have handled no more than the cursor says: while there are any, it cannot move. */
  #behind = 0;

  constructor(cursor: Cursor) {
    this.consumer = cursor.consumer;
    this.userId = cursor.userId;
    this.epoch = cursor.epoch;
    this.acked = cursor.acked;
    this.sent = cursor.sent;
    this.attempts = cursor.attempts;
  }

  get epoch(): string {
    return this.#isFirstEpoch ? firstEpoch(this.#epoch, this.userId) : this.#epoch;
  }

  set epoch(epoch: string) {
    const suffix = firstEpoch("", this.userId);
    this.#isFirstEpoch = epoch.endsWith(suffix);
    this.#epoch = this.#isFirstEpoch ? epoch.slice(0, -suffix.length) : epoch;
    if (this.#epoch === sharedOrigin) this.#epoch = sharedOrigin;
    else if (this.#isFirstEpoch) sharedOrigin = this.#epoch;
  }

  /** How many connections share it. */
  get connections(): number {
    if (this.#participants === undefined) return 0;
    return this.#participants instanceof Set ? this.#participants.size : 1;
  }

  join(participant: Participant): void {
    const present = this.#participants;
    if (present === undefined) this.#participants = participant;
    else if (present instanceof Set) present.add(participant);
    else this.#participants = new Set([present, participant]);
    this.#held = Number.POSITIVE_INFINITY;
    if (participant.acked <= this.acked) this.#behind += 1;
  }

  leave(participant: Participant): void {
    if (!this.#remove(participant)) return;
    this.#held = Math.min(this.#held, participant.acked);
    if (participant.acked <= this.acked) this.#behind -= 1;
  }

  /**
   * A connection goes on as another participant, which `make` makes and joins. That is nobody who comes and starts where
   * the cursor is held: it stays held for whoever left.
   */
  handOver<Made>(participant: Participant, make: () => Made): Made {
    const held = this.#held;
    this.leave(participant);
    const made = make();
    this.#held = held;
    return made;
  }

  /**
   * Somebody is about to join who starts after `seq`: others left that behind, on another node. What is known here falls back
   * to it, and stays there until they join.
   */
  fallBack(seq: number): void {
    if (seq >= this.acked) return;
    this.acked = seq;
    this.#held = seq;
    this.#behind = 0;
  }

  /** Somebody joined on another node, and starts from the cursor: nothing is held any more for those who left. */
  letGo(): void {
    this.#held = Number.POSITIVE_INFINITY;
  }

  /** Moves the cursor up to where the client itself says it stands; only while nobody is connected as this consumer. */
  moveTo(seq: number): void {
    if (seq <= this.acked) return;
    this.acked = seq;
    this.sent = Math.max(this.sent, seq);
    this.attempts = 0;
  }

  /**
   * A connection that had handled everything up to `before` has handled more: moves the cursor to the least of what was
   * handled. Answers whether it moved. The others are looked at only when none is left at the cursor, so that a thousand
   * connections of one consumer cost no more each than one.
   */
  advance(before: number, participant: Participant): boolean {
    if (before <= this.acked && participant.acked > this.acked) this.#behind -= 1;
    if (this.#behind > 0) return false;
    let least = this.#held;
    this.#each(({ acked }) => {
      if (acked < least) least = acked;
    });
    if (least === Number.POSITIVE_INFINITY || least <= this.acked) return false;
    this.acked = least;
    this.sent = Math.max(this.sent, least);
    this.attempts = 0;
    this.#each(({ acked }) => {
      if (acked <= least) this.#behind += 1;
    });
    return true;
  }

  #remove(participant: Participant): boolean {
    if (this.#participants instanceof Set) return this.#participants.delete(participant);
    if (this.#participants !== participant) return false;
    this.#participants = undefined;
    return true;
  }

  #each(visit: (participant: Participant) => void): void {
    const present = this.#participants;
    if (present instanceof Set) present.forEach(visit);
    else if (present !== undefined) visit(present);
  }
}
