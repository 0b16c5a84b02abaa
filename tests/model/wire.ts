import type { ResumePoint } from "@qy-lty/server/delivery/attach.ts";
import { MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES } from "@qy-lty/server/delivery/window.ts";
import type { Session } from "@qy-lty/server/session/session.ts";
import type { Kind } from "./client.ts";
import type { Holds } from "./holds.ts";
import type { Knowledge } from "./knowledge.ts";
import { type Frame, Link, type Upward } from "./link.ts";
import type { Process } from "./process.ts";
import { ATTEMPTS, demand, type Entry, type Reference } from "./reference.ts";
import { mayBeAttempt, UnderWay } from "./under-way.ts";

/** What a connection's observer needs to know of the world. */
export interface Surroundings {
  readonly reference: Reference;
  monotonic(): number;
  /** The earliest that the wall clock has shown since the last step of the model. */
  earliest(): number;
  /** Something worth knowing happened: for who asks whether anything did. */
  see(what: string): void;
  /** To be looked at once this step of the model is over. */
  later(check: () => void): void;
  /** Where the cursors of those stand that left. */
  readonly holds: Holds;
  readonly known: Knowledge;
  /** Whether several nodes serve the log. */
  readonly isShared: boolean;
}

/** One connection as an observer beside the server sees it: what is sent has to be what the reference allows. */
export class Wire {
  readonly link: Link;
  session: Session | undefined;
  /** It was let in: greeted, and shown where it stands. */
  isIn = false;
  /** Everything up to here was sent, or passed over. */
  last = 0;
  /** The furthest it acknowledged. */
  claimed = 0;
  hasPonged = false;
  #start = 0;
  #since: number;
  #reset: Frame | undefined;
  /** Where its consumer had begun when it came. */
  readonly #begun: object | undefined;
  readonly #sent: { readonly entry: Entry; readonly at: number }[] = [];
  readonly #under = new UnderWay();

  constructor(
    readonly kind: Kind,
    /** The process that it came to. */
    readonly process: Process,
    /** Where the client says it stands. */
    private readonly place: ResumePoint | null,
    /** The log's epoch when it came. */
    private readonly epoch: string,
    private readonly world: Surroundings,
    /** It is a device that is another user's at the moment: of that log only is known that it is not the first's. */
    readonly isTheirs = false,
  ) {
    this.#begun = this.world.reference.timeline.starts.get(kind.consumer);
    this.#since = this.world.known.note(kind.consumer);
    this.link = new Link(
      (frame) => this.#observe(() => this.#see(frame)),
      (payload) => this.#observe(() => this.#seePing(payload)),
      (code) => this.#observe(() => this.#end(code)),
    );
  }

  /** Served, greeted, and not over. */
  get isLive(): boolean {
    return this.isIn && this.link.isServed;
  }

  /** Everything up to here it has handled, or need not. */
  get passed(): number {
    const { reference } = this.world;
    const end = this.kind.isReliable ? this.last : reference.top;
    let passed = this.#start;
    for (const entry of reference.between(passed, end)) {
      if (entry.seq > this.claimed && !reference.isExcused(this.kind.consumer, entry)) break;
      passed = entry.seq;
    }
    return passed;
  }

  /** Whether the window takes one more message. */
  takes({ bytes }: Entry): boolean {
    const under = this.#sent.filter(({ entry }) => entry.seq > this.claimed);
    const underBytes = under.reduce((sum, { entry }) => sum + entry.bytes, 0);
    return under.length === 0 || (under.length < MAX_IN_FLIGHT && underBytes + bytes <= MAX_IN_FLIGHT_BYTES);
  }

  /** What its client said reaches the server, at most so much; answers how much. */
  carryUp(most: number): number {
    for (let carried = 0; carried < most; carried++) {
      const [said] = this.link.up;
      if (said !== undefined) this.#hear(said);
      if (!this.link.carryUp()) return carried;
    }
    return most;
  }

  /** The server is about to read this. */
  #hear(said: Upward): void {
    if (!this.isLive || this.isTheirs) return;
    let seq = Number.NaN;
    let isWorking = false;
    if (said.kind === "pong") {
      this.hasPonged = true;
      if (!this.kind.isReliable && said.payload !== "") seq = Number(said.payload);
    } else if (this.kind.isReliable) {
      const ack = JSON.parse(said.text) as { seq?: unknown; working?: unknown };
      seq = Number(ack.seq);
      isWorking = ack.working === true;
    }
    // Of a client that does not pong, any frame acknowledges what it was sent.
    else if (!this.hasPonged) seq = this.last;
    if (!Number.isInteger(seq) || seq < 0 || seq > this.last) return;
    this.#under.acknowledge(seq, isWorking, this.world.monotonic());
    if (seq <= this.claimed) return;
    this.claimed = seq;
    const entries = this.#sent.map(({ entry }) => entry).filter((entry) => entry.seq <= seq);
    this.world.reference.answer(this.kind.consumer, entries);
  }

  /** A ping behind a batch says up to where that goes, also past what was not for this client. */
  #seePing(payload: string): void {
    const seq = Number(payload);
    if (this.kind.isReliable || this.isTheirs || payload === "" || seq === this.last) return;
    const { reference } = this.world;
    this.#excuse(reference.between(this.last, seq), () => `${this.kind.name} was pinged ${seq} after ${this.last}`);
    this.last = seq;
  }

  /** What is wrong fails the step, not the server that is at work here. */
  #observe(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.world.later(() => {
        throw error;
      });
    }
  }

  #see(frame: Frame): void {
    // What is kept nowhere is for who is there, and owes nothing.
    if (frame.message?.isLive) return;
    if (this.isTheirs) {
      this.isIn ||= frame.type === "connection_status";
      const isRight = frame.message_id === undefined || frame.message?.isTheirs === true;
      demand(isRight, "binding", () => `${this.kind.name} is another's, and was sent ${JSON.stringify(frame)}`);
      return;
    }
    if (frame.type === "connection_status") this.#greet(frame);
    else if (frame.type === "reset") this.#reset = frame;
    else if (frame.type === "skip") this.#skip(frame.seq ?? 0, frame.reason ?? "");
    else if (frame.message_id !== undefined) this.#message(frame, frame.message_id);
  }

  #greet({ acked = 0, epoch, top = 0, resumed }: Frame): void {
    const { reference } = this.world;
    const { consumer } = this.kind;
    this.isIn = true;
    this.#start = this.last = this.#under.handled = acked;
    const began = reference.timeline.starts.get(consumer)?.seq ?? 0;
    const isDevice = this.kind.deviceId !== null;
    demand(!isDevice || acked >= began, "binding", () => `${this.kind.name} is at ${acked}, and was bound at ${began}`);
    // Where it asked at another node, what was sent here since then may have been sent there first.
    if (!this.world.isShared) this.#since = this.world.known.note(consumer);
    reference.checkPassed(consumer, 0, acked);
    if (this.world.known.letIn(consumer, this.process)) this.world.see("came from another node");
    const { place, kind } = this;
    if (resumed) this.world.see("resumed");
    if (!kind.isReliable || place === null) return;
    // I9: silence only where the log is the one that the client knows.
    const truth = place.seq === 0 || place.last === null ? place.last : reference.at(place.seq)?.id;
    const isOther = place.last !== null && (place.seq > top || reference.heldAt(place.seq) !== undefined);
    const wasAhead = place.seq > top;
    const why = () => {
      if (isForgotten) return "forgotten";
      if (this.epoch !== place.epoch) return "from another epoch";
      return wasAhead ? "ahead of the log" : "overtaken by the log";
    };
    const isForgotten = reference.timeline.starts.get(consumer) !== this.#begun;
    this.world.later(() => {
      const isTold = this.#reset !== undefined;
      if (isTold) this.world.see(`reset, ${why()}`);
      const what = () => `${kind.name} was at ${place.seq}, the top is ${top}`;
      if (place.epoch !== epoch) demand(isTold, "I9", () => `${what()}, in another epoch, and it was told nothing`);
      else if (truth !== place.last && isOther) demand(isTold, "I9", () => `${what()}, and it was told nothing`);
      else if (isForgotten && place.seq < acked)
        demand(isTold, "I9", () => `${what()}, it was forgotten, and not told`);
      else if (!isForgotten) demand(!isTold, "I9", () => `${what()}, and it was reset for no reason`);
    });
  }

  #message(frame: Frame, id: string): void {
    const { reference } = this.world;
    const { name, consumer, isReliable } = this.kind;
    const seq = isReliable
      ? (frame.seq ?? 0)
      : (reference.timeline.messages.find((entry) => entry.id === id)?.seq ?? 0);
    const entry = reference.at(seq);
    const which = () => `${name} was sent ${seq} after ${this.last}`;
    demand(this.isIn, "I2", () => `${which()} before it was greeted`);
    if (entry?.id !== id) {
      demand(false, "I4", () => `${which()}, but there is another message`);
      return;
    }
    demand(seq > this.last, "I2", which);
    const between = reference.between(this.last, seq - 1);
    if (isReliable) demand(between.length === 0, "I2", () => `${which()} without a skip`);
    else this.#excuse(between, () => `${which()}, and what is between was for it`);
    demand(reference.sees(consumer, entry), "I2", () => `${which()}, which is not for it`);
    demand(entry.expiresAt > this.world.earliest(), "I14", () => `${which()}, which has expired`);
    const first = this.world.known.firstSent(consumer, id);
    // What a node sent that was cut off, others do not know of.
    if (isReliable && first !== undefined && first < this.#since && !this.world.known.isTorn) {
      demand(frame.redelivered === true, "I3", () => `${which()} once more, unmarked`);
    }
    this.world.known.note(consumer, id);
    if (frame.redelivered) this.world.see("redelivered");
    if (this.#under.isEmpty) {
      const { min } = reference.tries(consumer, this.#under.handled);
      demand(
        !this.world.known.isExact(this.kind.consumer) || min < ATTEMPTS,
        "tries",
        () => `${which()}, which has had its ${min} tries`,
      );
    }
    this.#under.send(seq, this.world.monotonic());
    this.#sent.push({ entry, at: this.world.monotonic() });
    this.last = seq;
  }

  #skip(seq: number, reason: string): void {
    const { reference } = this.world;
    const { name, consumer } = this.kind;
    const which = () => `${name} was told skip ${seq} ${reason} after ${this.last}`;
    demand(seq > this.last && seq <= reference.top, "I2", which);
    const entries = reference.between(this.last, seq);
    this.world.see(`skip ${reason}`);
    const described = which();
    if (reason === "filtered") demand(!entries.some((entry) => reference.sees(consumer, entry)), "I2", which);
    else if (reason === "dead") {
      const [dead] = entries.slice(-1);
      demand(dead !== undefined && reference.mayBeDead(consumer, dead), "I1", () => `${which()}, which had tries left`);
      const { max } = reference.tries(consumer, this.#under.handled);
      demand(
        !this.world.known.isExact(this.kind.consumer) || max >= ATTEMPTS,
        "tries",
        () => `${described}, which had only ${max}`,
      );
    }
    this.#under.skip(seq, this.world.monotonic());
    this.#excuse(entries, () => described);
    this.last = seq;
  }

  /** What was deleted in this very step is known to be so at its end. */
  #excuse(entries: readonly Entry[], detail: () => string): void {
    const { reference } = this.world;
    this.world.later(() => {
      for (const entry of entries) demand(reference.isExcused(this.kind.consumer, entry), "I1", detail);
    });
  }

  #end(code: number): void {
    this.world.see(`closed ${code}`);
    if (!this.isIn || this.isTheirs) return;
    const now = this.world.monotonic();
    const { reference } = this.world;
    const { consumer } = this.kind;
    // The first that it did not acknowledge, and no other.
    const head = this.#sent.find(({ entry }) => entry.seq > this.claimed);
    if (head !== undefined && mayBeAttempt(head.at, now)) reference.blame(consumer, [head.entry]);
    if (this.world.known.isExact(this.kind.consumer)) {
      const tries = reference.tries(consumer, this.#under.handled);
      const { min, max } = this.#under.attempts(now);
      tries.min += min;
      tries.max += max;
    }
    this.world.holds.left(this.kind.consumer, this.passed, this.claimed);
  }
}
