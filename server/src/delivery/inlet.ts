import { GatewayError } from "@qy-lty/protocol";
import { Redis } from "ioredis";
import { z } from "zod";
import type { Events } from "../observe/events.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { MessageQueue } from "./message-queue.ts";
import { BadFrame, toPush } from "./queued-frame.ts";

/** The list that the original's producers push to on the left, and read from the right. */
const LIST = "device_messages";
/** What is no entry, newest first. */
const DEAD = `${LIST}:dead`;
/** Names of the nodes that may hold entries. */
const NODES = `${LIST}:nodes`;
/** The node whose turn it is: two that take at once would swap what they take. */
const TAKER = `${LIST}:taker`;
/** Most entries on their way to the database at once; most that are kept of what is no entry. */
const BATCH = 64;
const DEAD_KEPT = 10_000;
/** How long one waits for the next entry, seconds, and before trying again what failed, milliseconds. */
const WAIT_S = 1;
const RETRY_MS = 1_000;
/** How long one waits for an answer, milliseconds. A connection that gives none is made again. */
const ANSWER_MS = 2_000;
/** A node that has not said for so long that it lives is dead, milliseconds; how often it says so and looks for others. */
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

const Entry = z.object({
  user_id: z.union([
    z.int().positive(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ]),
  message: z.record(z.string(), z.unknown()),
});

export interface InletParts {
  readonly url: string;
  readonly queue: Pick<MessageQueue, "enqueue">;
  readonly clock: Clock;
  readonly events: Events;
}

/**
 * Takes what other programs push to the list of the original system, `device_messages`, into the queue, in order. An entry
 * leaves Redis once it is in the database: until then it stands in a list of this node, which another node gives back if
 * this one dies. An entry that was taken in the moment of a crash is taken again: it has nothing by which it could be known.
 */
export class Inlet {
  /** Entries that could not be read. */
  dead = 0;
  taken = 0;
  readonly #redis: Redis;
  /** A connection of its own: it waits. */
  readonly #waiting: Redis;
  readonly #self = newId();
  #timer: Timer | undefined;
  #isStopped = false;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(private readonly parts: InletParts) {
    const options = {
      ...{ lazyConnect: true, maxRetriesPerRequest: 0, enableOfflineQueue: false },
      ...{ connectTimeout: ANSWER_MS, socketTimeout: ANSWER_MS },
    };
    this.#redis = new Redis(parts.url, { ...options, commandTimeout: ANSWER_MS });
    this.#waiting = new Redis(parts.url, { ...options, socketTimeout: WAIT_S * 1_000 + ANSWER_MS });
    // That Redis is away the broker and the retries tell.
    for (const connection of [this.#redis, this.#waiting]) connection.on("error", () => {});
  }

  start(): void {
    for (const connection of [this.#redis, this.#waiting]) connection.connect().catch(() => undefined);
    this.#timer = this.parts.clock.every(RENEW_MS, () => void this.#renew().catch(() => undefined));
    this.#running = this.#run();
  }

  /** How many entries wait in Redis; 0 where it does not answer. */
  async size(): Promise<number> {
    return this.#redis.llen(LIST).catch(() => 0);
  }

  /** Forgets what waits in Redis. @throws GatewayError `UNAVAILABLE` */
  async clear(): Promise<void> {
    try {
      await this.#redis.del(LIST);
    } catch (error) {
      throw new GatewayError("UNAVAILABLE", "redis does not answer", { retryAfterMs: RETRY_MS, cause: error });
    }
  }

  /** Ends after the entries that are on their way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.stop();
    this.#waiting.disconnect();
    this.#wake();
    await this.#running;
    if ((await this.#redis.get(TAKER).catch(() => null)) === this.#self) await this.#redis.del(TAKER).catch(() => 0);
    this.#redis.disconnect();
  }

  get #own(): string {
    return listOf(this.#self);
  }

  async #run(): Promise<void> {
    let isJoined = false;
    while (!this.#isStopped) {
      try {
        if (!isJoined) await this.#renew();
        isJoined = true;
        await this.#takeOwn();
        if (!(await this.#isTaker())) {
          await this.#rest();
          continue;
        }
        if ((await this.#waiting.blmove(LIST, this.#own, "RIGHT", "LEFT", WAIT_S)) === null) continue;
        for (let more = 1; more < BATCH; more++) {
          if ((await this.#redis.lmove(LIST, this.#own, "RIGHT", "LEFT")) === null) break;
        }
      } catch {
        // Redis or the database is away: what was moved stands in this node's list, and is taken before anything else.
        if (!this.#isStopped) await this.#rest();
      }
    }
  }

  async #isTaker(): Promise<boolean> {
    if ((await this.#redis.set(TAKER, this.#self, "PX", LEASE_MS, "NX")) === "OK") return true;
    if ((await this.#redis.get(TAKER)) !== this.#self) return false;
    await this.#redis.pexpire(TAKER, LEASE_MS);
    return true;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.parts.clock.after(RETRY_MS, resolve);
    });
  }

  /** Takes what stands in this node's list, the oldest first, and removes what is taken. @throws when one has to wait */
  async #takeOwn(): Promise<void> {
    for (;;) {
      const texts = (await this.#redis.lrange(this.#own, -BATCH, -1)).reverse();
      if (texts.length === 0) return;
      const outcomes = await Promise.allSettled(texts.map((text) => this.#take(text)));
      for (const [index, outcome] of outcomes.entries()) {
        // Those behind it were asked for after it, and may be taken again.
        if (outcome.status === "rejected") throw outcome.reason;
        const text = texts[index] ?? "";
        if (outcome.value) {
          this.taken += 1;
          await this.#redis.lrem(this.#own, -1, text);
        } else await this.#bury(text);
      }
    }
  }

  /** Whether it was an entry; it is on disk then. @throws GatewayError when it has to wait */
  async #take(text: string): Promise<boolean> {
    const entry = parse(text);
    if (entry === null) return false;
    try {
      await this.parts.queue.enqueue(entry.user_id, entry.message);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.code === "NOT_FOUND") return false;
      throw error;
    }
  }

  async #bury(text: string): Promise<void> {
    this.dead += 1;
    this.parts.events.inletEntryDead();
    await this.#redis
      .multi()
      .lpush(DEAD, text)
      .ltrim(DEAD, 0, DEAD_KEPT - 1)
      .lrem(this.#own, -1, text)
      .exec();
  }

  /** Says that this node lives, and gives back what others held that do not. */
  async #renew(): Promise<void> {
    await this.#redis.multi().sadd(NODES, this.#self).set(leaseOf(this.#self), "1", "PX", LEASE_MS).exec();
    for (const node of await this.#redis.smembers(NODES)) {
      if (node === this.#self || (await this.#redis.exists(leaseOf(node))) === 1) continue;
      // From its newest to its oldest, which is then the next to be taken.
      while ((await this.#redis.lmove(listOf(node), LIST, "LEFT", "RIGHT")) !== null);
      await this.#redis.srem(NODES, node);
    }
  }
}

function parse(text: string): z.output<typeof Entry> | null {
  try {
    const { success, data } = Entry.safeParse(JSON.parse(text));
    if (!success) return null;
    toPush(JSON.stringify(data.message));
    return data;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof BadFrame) return null;
    throw error;
  }
}

function listOf(node: string): string {
  return `${LIST}:processing:${node}`;
}

function leaseOf(node: string): string {
  return `${LIST}:node:${node}`;
}
