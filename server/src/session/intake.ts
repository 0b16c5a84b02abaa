import type { Work } from "../dispatch/dispatcher.ts";
import { Meter } from "../dispatch/limits.ts";
import { Inbox } from "./inbox.ts";

/** What a connection needs once it says something. Most say nothing for most of the time, so it is made with the first frame. */
export class Intake {
  /** The rate of this connection alone. */
  readonly meter = new Meter();
  /** The frame that is being worked on, when that takes more than one turn. */
  current: { abort(reason: string): void } | undefined;
  /** What waits behind it. */
  inbox: Inbox<Work> | undefined;

  /** `principalMeter`: the rate of the connection's principal, shared with its other connections and requests. */
  constructor(readonly principalMeter: Meter) {}

  queue(work: Work, chars: number): void {
    this.inbox ??= new Inbox<Work>();
    this.inbox.push(work, chars);
  }

  /** Gives up what is being worked on, and what waits. */
  abandon(reason: string): void {
    this.inbox = undefined;
    this.current?.abort(reason);
    this.current = undefined;
  }
}
