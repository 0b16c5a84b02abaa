import { Redis } from "ioredis";
import type { Clock, Timer } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Broker, BrokerListener, Notice } from "./broker.ts";
import { decodeNotice, encodeNotice } from "./wire.ts";

/** How long a connection may take to be made, and a question to be answered, milliseconds. */
const TIMEOUT_MS = 2_000;
/** How long a server that is left may take to say goodbye, milliseconds: one that is silent never does. */
const GOODBYE_MS = 200;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
/** How often both connections are asked whether they live, milliseconds: a network that swallows everything tells nobody. */
const PING_EVERY_MS = 1_000;
/** Most channels in one command. */
const CHANNELS = 1_000;
/** Notices that wait to be sent; past it they are dropped, as a hint may be. */
const MAX_WAITING = 10_000;

export interface RedisBrokerOptions {
  readonly url: string;
  /** Keeps apart what shares a server: nodes of one database have the same. */
  readonly namespace: string;
  readonly clock: Clock;
}

/** Says and hears through Redis (6.2 or later) or Valkey: a channel for each user, and one for everybody. */
export class RedisBroker implements Broker {
  readonly isShared = true;
  readonly #self = newId();
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #followed = new Set<number>();
  /** Whom to subscribe to with the next command. */
  readonly #joining = new Set<number>();
  readonly #clock: Clock;
  #listener: BrokerListener | undefined;
  #timer: Timer | undefined;
  /** Undefined until it is known for the first time. */
  #isUp: boolean | undefined;
  #isStopped = false;
  #isSubscribed = false;
  /** Whether the server spreads channels over its shards (Redis 7). */
  #isSharded = false;
  #waiting = 0;

  constructor({ url, namespace, clock }: RedisBrokerOptions) {
    this.#prefix = `lty:${namespace}`;
    this.#clock = clock;
    const options = {
      lazyConnect: true,
      connectTimeout: TIMEOUT_MS,
      disconnectTimeout: GOODBYE_MS,
      // Also of what the client asks by itself before it says that it is ready.
      commandTimeout: TIMEOUT_MS,
      // What cannot be said now is not worth saying later.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (times: number) => Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LAST_RETRY_MS),
    };
    this.#publisher = new Redis(url, { ...options, enableAutoPipelining: true });
    this.#subscriber = new Redis(url, options);
  }

  get isUp(): boolean {
    return this.#isUp === true;
  }

  start(listener: BrokerListener): void {
    this.#listener = listener;
    for (const connection of [this.#publisher, this.#subscriber]) {
      // Told by `changed`, once; every attempt has its error.
      connection.on("error", () => {});
      connection.on("close", () => this.#lost(connection));
    }
    this.#publisher.on("ready", () => this.#judge());
    this.#subscriber.on("ready", () => void this.#subscribeAll());
    this.#subscriber.on("message", (_channel, text) => this.#heard(text));
    this.#subscriber.on("smessage", (_channel, text) => this.#heard(text));
    for (const connection of [this.#publisher, this.#subscriber]) connection.connect().catch(() => undefined);
    this.#timer = this.#clock.every(PING_EVERY_MS, () => void this.#ping());
  }

  say(notice: Notice): void {
    if (!this.#isUp || this.#waiting >= MAX_WAITING) return;
    const channel = "userId" in notice ? this.#channel(notice.userId) : this.#all;
    const text = encodeNotice(this.#self, notice);
    this.#waiting += 1;
    const said = this.#isSharded ? this.#publisher.spublish(channel, text) : this.#publisher.publish(channel, text);
    said
      .catch(() => undefined)
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  follow(userId: number): void {
    this.#followed.add(userId);
    if (!this.#isSubscribed) return;
    // Those who come in one turn of the loop are one command.
    if (this.#joining.size === 0) setImmediate(() => void this.#subscribeJoining());
    this.#joining.add(userId);
  }

  unfollow(userId: number): void {
    this.#joining.delete(userId);
    if (!this.#followed.delete(userId) || !this.#isSubscribed) return;
    const channel = this.#channel(userId);
    const left = this.#isSharded ? this.#subscriber.sunsubscribe(channel) : this.#subscriber.unsubscribe(channel);
    left.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.stop();
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }

  get #all(): string {
    return `${this.#prefix}:all`;
  }

  #channel(userId: number): string {
    return `${this.#prefix}:user:${userId}`;
  }

  #heard(text: string): void {
    const notice = decodeNotice(text, this.#self);
    // Of somebody whom it followed until just now it may still hear.
    if (notice !== null && (!("userId" in notice) || this.#followed.has(notice.userId))) this.#listener?.heard(notice);
  }

  /** The connection is new: nothing that was subscribed to before is. */
  async #subscribeAll(): Promise<void> {
    try {
      this.#isSharded = await this.#hasShards();
      await this.#subscribe([this.#all]);
      // Who comes meanwhile is not in the list, and waits for the next command.
      this.#isSubscribed = true;
      this.#joining.clear();
      const all = [...this.#followed];
      for (let start = 0; start < all.length; start += CHANNELS) {
        await this.#subscribe(all.slice(start, start + CHANNELS).map((userId) => this.#channel(userId)));
      }
      this.#listener?.following(null);
      this.#judge();
    } catch {
      this.#again(this.#subscriber);
    }
  }

  async #subscribeJoining(): Promise<void> {
    const joining = [...this.#joining];
    this.#joining.clear();
    try {
      for (let start = 0; start < joining.length; start += CHANNELS) {
        const some = joining.slice(start, start + CHANNELS);
        await this.#subscribe(some.map((userId) => this.#channel(userId)));
        this.#listener?.following(some);
      }
    } catch {
      this.#again(this.#subscriber);
    }
  }

  async #subscribe(channels: string[]): Promise<void> {
    if (channels.length === 0) return;
    await (this.#isSharded ? this.#subscriber.ssubscribe(...channels) : this.#subscriber.subscribe(...channels));
  }

  async #hasShards(): Promise<boolean> {
    const [known] = (await this.#subscriber.call("COMMAND", "INFO", "ssubscribe")) as unknown[];
    return Array.isArray(known);
  }

  async #ping(): Promise<void> {
    for (const connection of [this.#publisher, this.#subscriber]) {
      if (connection.status !== "ready") continue;
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = this.#clock.after(TIMEOUT_MS, () => reject(new Error("no answer")));
      Promise.race([connection.ping(), late])
        .catch(() => this.#again(connection))
        .finally(() => timer.stop());
    }
  }

  /** A connection that does not do what it should is made again. */
  #again(connection: Redis): void {
    if (!this.#isStopped && connection.status === "ready") connection.disconnect(true);
  }

  #lost(connection: Redis): void {
    if (connection === this.#subscriber) this.#isSubscribed = false;
    this.#judge();
  }

  #judge(): void {
    const isUp = this.#publisher.status === "ready" && this.#isSubscribed;
    if (isUp === this.#isUp || this.#isStopped) return;
    // As it starts one connection is ready before the other: that is no news.
    if (this.#isUp === undefined && !isUp && this.#publisher.status === "ready") return;
    this.#isUp = isUp;
    this.#listener?.changed(isUp);
  }
}
