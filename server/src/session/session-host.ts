import type { Admission } from "../auth/admission.ts";
import type { Consumer } from "../delivery/consumer.ts";
import type { Feed } from "../delivery/feed.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Greeting } from "./greeting.ts";
import type { Heartbeats } from "./heartbeat.ts";
import type { Outbox } from "./outbox.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";

/** What every session of a gateway shares, so that a session itself stays small. */
export interface SessionHost {
  readonly clock: Clock;
  readonly events: Events;
  readonly registry: Registry;
  readonly heartbeats: Heartbeats;
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly greeting: Pick<Greeting, "frame">;
  /** What a session receives from the log as `consumer`. */
  feed(session: Session, admission: Admission, consumer: Consumer): Feed;
}
