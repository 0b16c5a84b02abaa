import type { StoredMessage } from "../store/log-store.ts";
import type { Consumer, Participant } from "./consumer.ts";
import type { Consumers } from "./consumers.ts";
import type { Feed, FeedSocket } from "./feed.ts";

/** Whom a resting feed asks. */
export interface RestingServices {
  readonly consumers: Consumers;
  /** Makes the feed that delivers to `socket`. */
  wake(socket: FeedSocket, consumer: Consumer, deviceId: number | null, seenBefore: number): Feed;
}

/**
 * A connection that has everything there is: most connections, most of the time. It takes its part in the consumer's cursor
 * and has neither pump nor window; the first message for it makes them. From then on it passes everything on.
 */
export class RestingFeed implements Feed, Participant {
  /** Everything up to here was handled before it came. The cursor cannot move while it rests. */
  readonly acked: number;
  readonly #seenBefore: number;
  #awake: Feed | undefined;
  #closed = false;

  constructor(
    private readonly socket: FeedSocket,
    private readonly consumer: Consumer,
    private readonly deviceId: number | null,
    private readonly services: RestingServices,
  ) {
    this.acked = consumer.acked;
    this.#seenBefore = consumer.sent;
    services.consumers.join(consumer, this);
  }

  offer(message: StoredMessage): void {
    this.#feed()?.offer(message);
  }

  fill(): void {
    this.#feed()?.fill();
  }

  catchUp(top: number): void {
    if (this.#awake !== undefined) this.#awake.catchUp(top);
    else if (top > this.acked) this.#feed()?.fill();
  }

  get hasTrailer(): boolean {
    return this.#awake?.hasTrailer ?? false;
  }

  flushed(): void {
    this.#awake?.flushed();
  }

  heard(): void {
    this.#awake?.heard();
  }

  ponged(payload: string): void {
    this.#awake?.ponged(payload);
  }

  acknowledge(seq: number, working: boolean): boolean {
    return this.#awake?.acknowledge(seq, working) ?? seq <= this.acked;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#awake !== undefined) this.#awake.close();
    else this.services.consumers.release(this.consumer, this);
  }

  #feed(): Feed | undefined {
    if (this.#closed) return undefined;
    if (this.#awake !== undefined) return this.#awake;
    // Retention waits for whoever has a cursor: until now there may have been nothing to wait for.
    this.services.consumers.touch(this.consumer);
    this.#awake = this.consumer.handOver(this, () =>
      this.services.wake(this.socket, this.consumer, this.deviceId, this.#seenBefore),
    );
    return this.#awake;
  }
}
