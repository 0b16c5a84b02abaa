import type { Broker } from "../broker/broker.ts";
import type { Events } from "../observe/events.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { Session } from "../session/session.ts";
import type { Departed, SharedStore } from "../store/shared-store.ts";

/** A device that is back within this was never away: it reconnects, moves to another node, or is taken over. Milliseconds. */
const GRACE_MS = 3_000;
const LOOK_EVERY_MS = 500;
/**
 * Most devices of which it is not known yet whether they come back or are elsewhere; of more, the first that wait are said to
 * be gone at once, and counted.
 */
const MAX_LEAVING = 10_000;
/** Most devices that are asked for in one statement. */
const BATCH = 1_000;

/** A device that has left, and whose it was. */
interface Left {
  readonly userId: number;
  /** Monotonic ms. */
  readonly at: number;
}

export interface DeviceStatusParts {
  readonly registry: Pick<Registry, "onChange" | "all" | "devices" | "users">;
  readonly broker: Pick<Broker, "say" | "isShared">;
  /** Knows who is connected to other nodes; null: there are none. */
  readonly shared: Pick<SharedStore, "onlineDevices" | "onDeparted" | "onRejoined"> | null;
  readonly clock: Clock;
  readonly events: Events;
}

/** Tells the owner's apps, wherever they are connected, when a device comes and when it has gone. */
export class DeviceStatus {
  /** In the order in which they left. */
  readonly #leaving = new Map<number, Left>();
  readonly #timer: Timer;
  #looking = false;
  /** Devices that are no longer in `#leaving`, and asked for. */
  #asked = 0;

  constructor(private readonly parts: DeviceStatusParts) {
    parts.registry.onChange((session) => this.#changed(session));
    this.#timer = parts.clock.every(LOOK_EVERY_MS, () => void this.#look());
    // Whose node died may be on its way to another, like any that left.
    const departed = (devices: readonly Departed[]) => {
      for (const { deviceId, userId } of devices) this.#left(deviceId, userId);
    };
    parts.shared?.onDeparted(departed, (error) => parts.events.backgroundError(error));
    parts.shared?.onRejoined(() => this.#sayAll());
  }

  stop(): void {
    this.#timer.stop();
  }

  #changed({ admission, isOpen }: Session): void {
    if (admission === undefined || admission.deviceId === null || admission.userId === null) return;
    const { deviceId, userId } = admission;
    if (isOpen) this.#came(deviceId, userId);
    else if (!this.parts.registry.devices.has(deviceId)) this.#left(deviceId, userId);
  }

  #came(deviceId: number, userId: number): void {
    const left = this.#leaving.get(deviceId);
    this.#leaving.delete(deviceId);
    if (left?.userId === userId) return;
    // It has another owner by now.
    if (left !== undefined) this.#say(deviceId, left.userId, false);
    if (this.parts.registry.devices.each(deviceId, () => {}) > 1) return;
    const { shared } = this.parts;
    if (shared === null) this.#say(deviceId, userId, true);
    else void this.#sayUnlessElsewhere([[deviceId, userId]], shared, true);
  }

  #left(deviceId: number, userId: number): void {
    const { registry, clock, events } = this.parts;
    // To the end: the order is that of leaving.
    this.#leaving.delete(deviceId);
    this.#leaving.set(deviceId, { userId, at: clock.monotonic() });
    if (this.#leaving.size + this.#asked <= MAX_LEAVING) return;
    for (const [first, left] of this.#leaving) {
      this.#leaving.delete(first);
      if (registry.devices.has(first)) return;
      events.counts.statusesUnchecked += 1;
      this.#say(first, left.userId, false);
      return;
    }
  }

  /** This node was cut off, and the others may have said that its devices are gone. */
  #sayAll(): void {
    const said = new Set<number>();
    for (const { admission } of this.parts.registry.all()) {
      if (admission === undefined || admission.deviceId === null || admission.userId === null) continue;
      if (said.has(admission.deviceId)) continue;
      said.add(admission.deviceId);
      this.#say(admission.deviceId, admission.userId, true);
    }
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { shared } = this.parts;
    for (let gone = this.#due(); gone.length > 0; gone = this.#due()) {
      this.#asked = gone.length;
      if (shared !== null) await this.#sayUnlessElsewhere(gone, shared, false);
      else for (const [deviceId, userId] of gone) this.#say(deviceId, userId, false);
      this.#asked = 0;
    }
    this.#looking = false;
  }

  /** Takes those that have been away for long enough, in the order in which they left. */
  #due(): readonly (readonly [deviceId: number, userId: number])[] {
    const { registry, clock } = this.parts;
    const before = clock.monotonic() - GRACE_MS;
    const gone: [number, number][] = [];
    for (const [deviceId, { userId, at }] of this.#leaving) {
      if (at > before || gone.length === BATCH) break;
      this.#leaving.delete(deviceId);
      if (!registry.devices.has(deviceId)) gone.push([deviceId, userId]);
    }
    return gone;
  }

  /** What another node has neither came here nor is gone. Where that cannot be found out, what was seen here is said. */
  async #sayUnlessElsewhere(
    devices: readonly (readonly [deviceId: number, userId: number])[],
    shared: Pick<SharedStore, "onlineDevices">,
    online: boolean,
  ): Promise<void> {
    const elsewhere = await shared.onlineDevices(devices.map(([deviceId]) => deviceId)).catch((error: unknown) => {
      this.parts.events.backgroundError(error);
      return new Set<number>();
    });
    for (const [deviceId, userId] of devices) {
      if (!elsewhere.has(deviceId) && this.parts.registry.devices.has(deviceId) === online) {
        this.#say(deviceId, userId, online);
      }
    }
  }

  #say(deviceId: number, userId: number, online: boolean): void {
    const { registry, broker, clock, events } = this.parts;
    // Mostly nobody listens: then ten thousand devices that come at once cost no frame each.
    if (!broker.isShared && !hasApps(registry, userId)) return;
    const frame = `{"type":"device_status","device_id":${deviceId},"online":${online},"timestamp":"${clock.iso()}"}`;
    sayToApps(registry, events, userId, frame);
    broker.say({ kind: "frame", userId, deviceId: null, appsOnly: true, frame });
  }
}

function hasApps(registry: Pick<Registry, "users">, userId: number): boolean {
  let has = false;
  registry.users.each(userId, ({ admission }) => {
    has ||= admission?.role === "app";
  });
  return has;
}

/** Says what became of a device to the user's apps that are connected here. */
export function sayToApps(registry: Pick<Registry, "users">, events: Events, userId: number, frame: string): void {
  registry.users.each(userId, (session) => {
    if (session.admission?.role !== "app") return;
    events.counts.statusesSent += 1;
    session.push(frame);
  });
}
