import { SUBPROTOCOL } from "@qy-lty/protocol";
import type { AdmissionRequest } from "@qy-lty/server/auth/admission.ts";
import type { Authenticator } from "@qy-lty/server/auth/authenticator.ts";
import { Gatekeeper } from "@qy-lty/server/auth/gatekeeper.ts";
import { Refusals } from "@qy-lty/server/auth/refusals.ts";
import { MemoryTickets } from "@qy-lty/server/auth/tickets.ts";
import type { Broker } from "@qy-lty/server/broker/broker.ts";
import type { Attachment, ResumePoint } from "@qy-lty/server/delivery/attach.ts";
import { MessageLog } from "@qy-lty/server/delivery/message-log.ts";
import type { Dispatcher } from "@qy-lty/server/dispatch/dispatcher.ts";
import { PrincipalMeters } from "@qy-lty/server/dispatch/limits.ts";
import { Events } from "@qy-lty/server/observe/events.ts";
import { createLogger } from "@qy-lty/server/observe/log.ts";
import type { Clock } from "@qy-lty/server/platform/clock.ts";
import type { LastSeen } from "@qy-lty/server/presence/last-seen.ts";
import { LocalPresence } from "@qy-lty/server/presence/presence.ts";
import { Heartbeats } from "@qy-lty/server/session/heartbeat.ts";
import { Outbox } from "@qy-lty/server/session/outbox.ts";
import { Registry } from "@qy-lty/server/session/registry.ts";
import { Session } from "@qy-lty/server/session/session.ts";
import type { SessionHost } from "@qy-lty/server/session/session-host.ts";
import type { Devices } from "@qy-lty/server/store/devices.ts";
import type { LogStore } from "@qy-lty/server/store/log-store.ts";
import type { SharedStore } from "@qy-lty/server/store/shared-store.ts";
import type { CredentialRecord } from "@qy-lty/server/store/store.ts";
import type { Link } from "./link.ts";

const HEARTBEAT_MS = 30_000;
/** How long messages are kept unless they say so. */
export const TTL_MS = 24 * 3_600_000;

/** Who connects, and as what. */
export interface Caller {
  readonly credential: CredentialRecord;
  readonly request: Pick<AdmissionRequest, "role" | "clientId">;
  readonly isReliable: boolean;
  readonly resume: ResumePoint | null;
}

/** One server process as far as the log goes: sessions, and everything between them and the log. It can be killed. */
export class ServerNode {
  readonly messages: MessageLog;
  readonly registry: Registry;
  readonly errors: unknown[] = [];
  readonly #host: SessionHost;
  readonly #gatekeeper: Gatekeeper;
  readonly #heartbeats: Heartbeats;
  /** Who the next handshake is. */
  #caller: CredentialRecord | undefined;

  constructor(
    log: LogStore,
    private readonly clock: Clock & { die(): void },
    readonly broker: Broker,
    shared: SharedStore | null,
  ) {
    const events = new Events(createLogger("silent", false, { write: () => {} }));
    events.backgroundError = (error) => void this.errors.push(error);
    events.internalError = (error) => void this.errors.push(error);
    // Neither presence nor skills are part of this.
    const lastSeen = { note: () => {} } as unknown as LastSeen;
    const dispatcher = { receive: () => {}, receiveBinary: () => {} } as unknown as Dispatcher;
    this.registry = new Registry(clock, new PrincipalMeters(), lastSeen, broker);
    const presence = new LocalPresence(this.registry);
    const { registry } = this;
    this.messages = new MessageLog({ log, registry, clock, events, broker, presence, shared, ttlMs: TTL_MS });
    this.#heartbeats = new Heartbeats(clock, HEARTBEAT_MS);
    this.#host = {
      clock,
      events,
      registry: this.registry,
      heartbeats: this.#heartbeats,
      outbox: new Outbox(),
      dispatcher,
      greeting: { frame: (_session, _admission, attachment) => greet(attachment) },
      feed: (session, admission, consumer) => this.messages.feed(session, admission, consumer),
    };
    this.#gatekeeper = new Gatekeeper({
      authenticator: { byToken: () => this.#caller ?? null } as unknown as Authenticator,
      tickets: new MemoryTickets(clock),
      refusals: new Refusals(clock),
      devices: undefined as unknown as Devices,
      registry: this.registry,
      attacher: this.messages.attacher,
      claims: this.messages.claims,
      rules: { requireDevice: false },
      clock,
      events,
    });
  }

  connect(link: Link, { credential, request, isReliable, resume }: Caller): Session {
    const entry = {
      ...request,
      endpoint: {},
      device: null,
      credential: { kind: "token", token: "any" } as const,
      resume,
    };
    const session = new Session(this.#host, "peer", isReliable ? SUBPROTOCOL : null, (opened) => {
      this.registry.opening(opened);
      this.#caller = credential;
      this.#gatekeeper.admit(opened, entry);
    });
    link.start(session);
    return session;
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    this.registry.closeAll({ code: 1012, reason: "service restart", next: "reconnect", when: "" });
    await this.messages.stop();
    await this.die();
  }

  /** Ends as by `kill -9`. */
  async die(): Promise<void> {
    this.clock.die();
    // Nobody hears it any more.
    await this.broker.stop();
  }
}

function greet(attachment: Attachment | null): string {
  return JSON.stringify({
    type: "connection_status",
    epoch: attachment?.position.epoch,
    acked: attachment?.consumer.acked,
    top: attachment?.position.top,
    resumed: attachment?.resumed,
  });
}
