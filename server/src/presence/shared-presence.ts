import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { SharedStore } from "../store/shared-store.ts";
import { type ConnectionRecord, LocalPresence, type Presence, toRecord } from "./presence.ts";

/** How often what changed here is said, milliseconds. */
const SAVE_EVERY_MS = 50;
/** How often it is said when connections were last active, milliseconds. */
const ACTIVITY_EVERY_MS = 30_000;
/** Most connections in one statement. */
const BATCH = 1_000;

/** One node of several: says who is connected here, and knows of the others what they said. Its own it knows best. */
export class SharedPresence implements Presence {
  readonly #local: LocalPresence;
  /** Ids of connections that came, were active or went, and have not been said. */
  readonly #changed = new Set<string>();
  readonly #timers: readonly Timer[];
  #saving: Promise<void> | undefined;
  #activeSince: number;

  constructor(
    private readonly registry: Registry,
    private readonly store: SharedStore,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#local = new LocalPresence(registry, store.nodeName);
    this.#activeSince = clock.now();
    registry.onChange((session) => void this.#changed.add(session.id));
    store.onRejoined(() => this.#sayAll());
    store.onMessage((_from, message) => {
      if (message.kind === "close") this.#local.close(message.sessionId);
    });
    this.#timers = [
      clock.every(SAVE_EVERY_MS, () => void this.save()),
      clock.every(ACTIVITY_EVERY_MS, () => this.#noteActive()),
    ];
  }

  async onlineUsers(): Promise<readonly number[]> {
    return [...new Set([...this.#local.onlineUsers(), ...(await this.store.onlineUsers())])];
  }

  isUserOnline(userId: number): boolean | Promise<boolean> {
    return this.#local.isUserOnline(userId) || this.store.isUserOnline(userId);
  }

  async onlineDevices(deviceIds: readonly number[]): Promise<ReadonlySet<number>> {
    const here = this.#local.onlineDevices(deviceIds);
    const elsewhere = deviceIds.filter((id) => !here.has(id));
    return elsewhere.length === 0 ? here : new Set([...here, ...(await this.store.onlineDevices(elsewhere))]);
  }

  async connections(userId?: number): Promise<readonly ConnectionRecord[]> {
    const here = this.#local.connections(userId);
    return [...here, ...(await this.store.sessions(userId))];
  }

  async count(): Promise<number> {
    return this.#local.count() + (await this.store.countSessions());
  }

  async close(sessionId: string): Promise<boolean> {
    if (this.#local.close(sessionId)) return true;
    const node = await this.store.nodeOf(sessionId);
    if (node === undefined) return false;
    await this.store.tell(node, { kind: "close", sessionId });
    return true;
  }

  /** Says what changed. What cannot be said now is said later. */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.stop();
    await this.#saving;
    await this.save();
  }

  async #save(): Promise<void> {
    while (this.#changed.size > 0) {
      const ids = [...this.#changed].slice(0, BATCH);
      for (const id of ids) this.#changed.delete(id);
      const here = ids.map((id) => this.registry.find(id)).filter((session) => session !== undefined);
      const known = new Set(here.map(({ id }) => id));
      try {
        await this.store.savePresence({ came: here.map(toRecord), gone: ids.filter((id) => !known.has(id)) });
      } catch (error) {
        for (const id of ids) this.#changed.add(id);
        this.failed(error);
        return;
      }
    }
  }

  /** Nobody knows any more who is connected here. */
  #sayAll(): void {
    for (const { id } of this.registry.all()) this.#changed.add(id);
  }

  #noteActive(): void {
    const since = this.#activeSince;
    this.#activeSince = this.clock.now();
    for (const { id, lastActivity } of this.registry.all()) if (lastActivity >= since) this.#changed.add(id);
  }
}
