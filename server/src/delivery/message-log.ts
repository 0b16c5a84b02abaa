import { Close } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import type { Broker } from "../broker/broker.ts";
import type { Answers } from "../dispatch/answers.ts";
import type { SharedRates } from "../dispatch/shared-rates.ts";
import type { Events } from "../observe/events.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Presence } from "../presence/presence.ts";
import type { Registry } from "../session/registry.ts";
import type { LogStore, NewMessage } from "../store/log-store.ts";
import type { SharedStore } from "../store/shared-store.ts";
import { Acceptor } from "./acceptor.ts";
import { Attacher } from "./attach.ts";
import { Claims } from "./claims.ts";
import type { Consumer } from "./consumer.ts";
import { Consumers } from "./consumers.ts";
import type { BatchSizes, DeliveryCounts } from "./counts.ts";
import { AcknowledgedFeed, type Feed, type FeedSocket, PongedFeed } from "./feed.ts";
import type { Gathering } from "./gathering.ts";
import { Hints } from "./hints.ts";
import { LogDelivery } from "./log-delivery.ts";
import { type MessageStatus, statusOf } from "./message-status.ts";
import type { Pump, PumpServices } from "./pump.ts";
import { RestingFeed, type RestingServices } from "./resting-feed.ts";
import { Retention } from "./retention.ts";
import { Sweep } from "./sweep.ts";
import { DeliveryTrace } from "./trace.ts";

/** How often connections that owe an acknowledgement are looked at, milliseconds. */
const WATCH_EVERY_MS = 1_000;

export interface MessageLogOptions {
  readonly log: LogStore;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly events: Events;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly shared?: SharedStore | null;
  /** Told what other nodes let through. */
  readonly rates?: Pick<SharedRates, "heard"> | null;
  /** Told what other nodes answered. */
  readonly answers?: Pick<Answers, "keep"> | null;
  /** What commits wait for; absent: nothing. */
  readonly gathering?: Gathering;
  /** How long a message is kept that does not say so itself, milliseconds. */
  readonly ttlMs: number;
}

/** Reliable delivery, put together: accept → log → pump, with the sweep and the retention that go with them. */
export class MessageLog {
  readonly delivery: LogDelivery;
  readonly attacher: Attacher;
  /** Who holds which consumer, where several nodes share the log. */
  readonly claims: Claims | null;
  readonly batchSizes: BatchSizes;
  readonly #consumers: Consumers;
  readonly #sweep: Sweep;
  readonly #hints: Hints;
  readonly #retention: Retention;
  readonly #trace = new DeliveryTrace();
  readonly #waiting = new Set<Pump>();
  readonly #watch: Timer;
  readonly #reliable: RestingServices;
  readonly #original: RestingServices;

  constructor(private readonly options: MessageLogOptions) {
    const {
      log,
      registry,
      clock,
      events,
      broker,
      presence,
      shared = null,
      rates = null,
      answers = null,
      ttlMs,
    } = options;
    const failed = (error: unknown) => events.backgroundError(error);
    const told = (message: NewMessage, seq: number | null) => this.delivery.accepted(message, seq);
    const acceptor = new Acceptor(log, told, failed, options.gathering);
    this.batchSizes = acceptor.batchSizes;
    this.delivery = new LogDelivery(acceptor, registry, broker, presence, clock, ttlMs);
    this.#consumers = new Consumers(log, clock, this.#trace, failed);
    this.attacher = new Attacher(log, this.#consumers);
    if (shared !== null) {
      this.#consumers.onMovedOn = (userId) => registry.users.each(userId, (session) => session.close(Close.draining));
    }
    this.claims = shared && new Claims({ shared, consumers: this.#consumers, registry, clock, failed });
    this.#watch = clock.every(WATCH_EVERY_MS, () => {
      for (const pump of [...this.#waiting]) pump.checkProgress();
    });
    this.#sweep = new Sweep(log, registry, clock, failed);
    this.#hints = new Hints(broker, registry, this.#sweep, events, rates, answers);
    this.#retention = new Retention(log, this.#consumers, clock, ttlMs, failed);
    const services: PumpServices = {
      log,
      clock,
      consumers: this.#consumers,
      failed,
      trace: this.#trace,
      waiting: this.#waiting,
      dead: (consumer, seq) => {
        events.messageSetAside(consumer.consumer, consumer.userId, seq);
        log.setAside(consumer, seq).catch(failed);
      },
    };
    this.#reliable = {
      consumers: this.#consumers,
      wake: (socket, consumer, deviceId, seenBefore) =>
        new AcknowledgedFeed({ socket, consumer, deviceId, seenBefore, services }),
    };
    this.#original = {
      consumers: this.#consumers,
      wake: (socket, consumer, deviceId, seenBefore) =>
        new PongedFeed({ socket, consumer, deviceId, seenBefore, services }),
    };
  }

  /** What the pumps of all connections did. */
  get counts(): DeliveryCounts {
    return this.#consumers.counts;
  }

  /** What a connection receives as `consumer`. */
  feed(socket: FeedSocket & { readonly isReliable: boolean }, { role, deviceId }: Admission, consumer: Consumer): Feed {
    const services = socket.isReliable ? this.#reliable : this.#original;
    return new RestingFeed(socket, consumer, role === "app" ? null : deviceId, services);
  }

  /** A message and what became of it; undefined when the log does not hold it. `primaryOf` answers a user's primary device. */
  async status(
    messageId: string,
    primaryOf: (userId: number) => Promise<number | null>,
  ): Promise<MessageStatus | undefined> {
    const { log, clock } = this.options;
    await this.#consumers.flush();
    const record = await log.find(messageId);
    if (record === undefined) return undefined;
    const { userId, seq, deviceId } = record;
    const sees = new Set([`device:${deviceId}`]);
    if (deviceId !== null && (await primaryOf(userId)) === deviceId) sees.add(`user:${userId}`);
    return statusOf(
      record,
      clock.now(),
      (consumer) => sees.has(consumer),
      (consumer) => this.#trace.find(userId, seq, consumer),
    );
  }

  async start(): Promise<void> {
    await this.options.log.open();
    this.options.broker.start(this.#hints);
  }

  /** Writes every cursor; connections have been closed before. */
  async stop(): Promise<void> {
    await this.options.broker.stop();
    this.#watch.stop();
    this.#sweep.stop();
    this.#retention.stop();
    this.#consumers.stop();
    await this.#consumers.flush();
    await this.claims?.stop();
    await this.options.log.close();
  }
}
