import { Close } from "@qy-lty/protocol";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { Session } from "../session/session.ts";
import type { CursorKey } from "../store/log-store.ts";
import type { NodeMessage, SharedStore } from "../store/shared-store.ts";
import type { Consumers } from "./consumers.ts";

/** How long another node may take to write down a cursor before it counts as one that cannot, milliseconds. */
const YIELD_MS = 1_500;
const RELEASE_EVERY_MS = 200;
/** Most consumers in one statement. */
const BATCH = 1_000;

interface Held {
  readonly key: CursorKey;
  /** The newest claim; 0 while the first is under way. */
  claim: number;
  /** The newest start; 0 for none. */
  started: number;
  /** Claims under way. */
  claiming: number;
}

/** Waits until the other nodes have yielded. */
interface Asked {
  readonly waitingFor: Set<number>;
  done(): void;
}

export interface ClaimsParts {
  readonly shared: SharedStore;
  readonly consumers: Consumers;
  readonly registry: Registry;
  readonly clock: Clock;
  failed(error: unknown): void;
}

/**
 * Which node holds which consumer's cursor in memory. Whoever takes a consumer that others hold has them write it down
 * first; and of a device, which has one reliable connection on whatever node, the older one ends. Claims are numbered: the
 * highest wins, in whatever order nodes hear of one another.
 */
export class Claims {
  readonly #held = new Map<string, Held>();
  /** By the number of the claim. */
  readonly #asked = new Map<number, Asked>();
  readonly #claimOf = new WeakMap<Session, number>();
  /** The highest claim by which another node took over, of consumers that are held here. */
  readonly #overtakenBy = new Map<string, number>();
  readonly #released = new Set<string>();
  readonly #timer: Timer;

  constructor(private readonly parts: ClaimsParts) {
    const { shared, consumers, clock } = parts;
    consumers.onForgotten = (key) => void this.#released.add(keyOf(key));
    consumers.startOf = (key) => this.#held.get(keyOf(key))?.started ?? 0;
    shared.onMessage((from, message) => void this.#heard(from, message));
    shared.onRejoined(() => void this.#restore());
    this.#timer = clock.every(RELEASE_EVERY_MS, () => void this.#release());
  }

  /**
   * This node takes a consumer for a session; `takeover`: as the only one. Answers whether all who held it have written
   * down where it stands.
   * @throws GatewayError `UNAVAILABLE`
   */
  async take(session: Session, key: CursorKey, takeover: boolean): Promise<boolean> {
    const name = keyOf(key);
    const held = this.#held.get(name) ?? this.#hold(key);
    held.claiming += 1;
    const { claim, others, isShared } = await this.parts.shared.claim(key);
    held.claim = Math.max(held.claim, claim);
    this.#claimOf.set(session, claim);
    if (takeover && (this.#overtakenBy.get(name) ?? 0) > claim) session.close(Close.replaced);
    const isTold = others.length === 0 || (await this.#ask(held.key, claim, others, takeover));
    if (isShared) await this.#start(held, takeover, others);
    return isTold;
  }

  /** The session starts where all stand, this node's own connections included; from then on nothing is held for who left. */
  async #start(held: Held, takeover: boolean, others: readonly number[]): Promise<void> {
    const { shared, consumers, failed } = this.parts;
    const { key } = held;
    await consumers.flush();
    const { number, after } = await shared.start(key, takeover);
    held.started = Math.max(held.started, number);
    consumers.known(key)?.fallBack(after);
    // Who does not hear of it goes on holding until somebody joins there.
    for (const node of others) shared.tell(node, { kind: "started", key }).catch(failed);
  }

  #hold({ userId, consumer }: CursorKey): Held {
    const held = { key: { userId, consumer }, claim: 0, started: 0, claiming: 0 };
    this.#held.set(keyOf(held.key), held);
    return held;
  }

  /** What `take` was called for has come to something, or to nothing; called once for each. */
  settled(key: CursorKey): void {
    const name = keyOf(key);
    const held = this.#held.get(name);
    if (held === undefined) return;
    held.claiming -= 1;
    this.#released.add(name);
  }

  async stop(): Promise<void> {
    this.#timer.stop();
    for (const { done } of this.#asked.values()) done();
    for (const name of this.#held.keys()) this.#released.add(name);
    await this.#release();
  }

  async #ask(key: CursorKey, claim: number, others: readonly number[], takeover: boolean): Promise<boolean> {
    const { shared, clock } = this.parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked: Asked = { waitingFor: new Set(others), done: resolve };
    this.#asked.set(claim, asked);
    const timer = clock.after(YIELD_MS, resolve);
    try {
      await Promise.all(others.map((node) => shared.tell(node, { kind: "yield", key, claim, takeover })));
      await promise;
      return asked.waitingFor.size === 0;
    } finally {
      timer.stop();
      this.#asked.delete(claim);
    }
  }

  async #heard(from: number, message: NodeMessage): Promise<void> {
    try {
      if (message.kind === "yield") await this.#yield(from, message);
      else if (message.kind === "started") this.parts.consumers.known(message.key)?.letGo();
      else if (message.kind === "yielded") {
        const asked = this.#asked.get(message.claim);
        if (asked?.waitingFor.delete(from) && asked.waitingFor.size === 0) asked.done();
      }
    } catch (error) {
      // Who asked goes on without an answer.
      this.parts.failed(error);
    }
  }

  async #yield(from: number, { key, claim, takeover }: NodeMessage & { readonly kind: "yield" }): Promise<void> {
    const { shared, consumers } = this.parts;
    if (takeover) this.#closeOlder(key, claim);
    const known = consumers.known(key);
    if (known !== undefined) consumers.touch(known);
    // What is not written down is not yielded: who asked goes on without it.
    if (!(await consumers.flush())) return;
    if (consumers.known(key) === undefined) await shared.release([{ ...key, claim }]);
    await shared.tell(from, { kind: "yielded", claim });
  }

  /** Ends the reliable connections of a device that were claimed before; those whose claim is under way find out with it. */
  #closeOlder(key: CursorKey, claim: number): void {
    const name = keyOf(key);
    if (this.#held.has(name)) this.#overtakenBy.set(name, Math.max(claim, this.#overtakenBy.get(name) ?? 0));
    const deviceId = Number(key.consumer.slice("device:".length));
    for (const session of this.parts.registry.ofDevice(deviceId)) {
      if (session.isReliable && (this.#claimOf.get(session) ?? claim) < claim) session.close(Close.replaced);
    }
  }

  /** Says in the database that what was forgotten here is not held here. */
  async #release(): Promise<void> {
    const names = [...this.#released].slice(0, BATCH);
    const gone: Held[] = [];
    for (const name of names) {
      this.#released.delete(name);
      const held = this.#held.get(name);
      if (held === undefined || held.claiming > 0 || this.parts.consumers.known(held.key) !== undefined) continue;
      this.#held.delete(name);
      this.#overtakenBy.delete(name);
      gone.push(held);
    }
    if (gone.length === 0) return;
    try {
      await this.parts.shared.release(gone.map(({ key, claim }) => ({ ...key, claim })));
    } catch (error) {
      // What stays claimed costs whoever takes it a question.
      this.parts.failed(error);
    }
  }

  /** This node was cut off, and nobody knows any more what it holds; what others took meanwhile is theirs. */
  async #restore(): Promise<void> {
    const { consumers } = this.parts;
    const all = [...this.#held.values()].filter(
      ({ key, claim, claiming }) => claim > 0 && (claiming > 0 || consumers.known(key) !== undefined),
    );
    try {
      for (let start = 0; start < all.length; start += BATCH) {
        const some = all.slice(start, start + BATCH).map(({ key, claim }) => {
          return { ...key, claim, acked: consumers.known(key)?.acked ?? null };
        });
        for (const { claim, ...key } of await this.parts.shared.restore(some)) {
          if (key.consumer.startsWith("device:")) this.#closeOlder(key, claim);
        }
      }
    } catch (error) {
      this.parts.failed(error);
    }
  }
}

function keyOf({ userId, consumer }: CursorKey): string {
  return `${userId} ${consumer}`;
}
