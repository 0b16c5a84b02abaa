import type { Admission } from "../auth/admission.ts";
import type { Attachment } from "../delivery/attach.ts";
import type { Consumer } from "../delivery/consumers.ts";
import type { Feed } from "../delivery/feed.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
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
  /** The `connection_status` frame of a session that was let in. */
  greeting(session: Session, admission: Admission, attachment: Attachment | null): string;
  /** What a session receives from the log as `consumer`. */
  feed(session: Session, admission: Admission, consumer: Consumer): Feed;
}
