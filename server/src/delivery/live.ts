import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Registry } from "../session/registry.ts";
import type { Delivery, Push, Receipt } from "./delivery.ts";

/** Delivery to whoever is connected now: each frame is encoded once, however many receive it. */
export class LiveDelivery implements Delivery {
  constructor(
    private readonly registry: Registry,
    private readonly clock: Clock,
  ) {}

  toUser(userId: number, push: Push): Receipt {
    const { frame, receipt } = this.#prepare(push);
    const listeners = this.registry.users.each(userId, (session) => session.push(frame));
    return receipt(listeners > 0);
  }

  toDevice(deviceId: number, _userId: number, push: Push): Receipt {
    const { frame, receipt } = this.#prepare(push);
    const listeners = this.registry.devices.each(deviceId, (session) => session.push(frame));
    return receipt(listeners > 0);
  }

  broadcast(push: Push): number {
    const { frame } = this.#prepare(push);
    for (const session of this.registry.all()) session.push(frame);
    return this.registry.size;
  }

  #prepare({ type, message, sender }: Push) {
    const messageId = newId();
    const timestamp = this.clock.iso();
    const frame = JSON.stringify({ type, message, timestamp, sender, message_id: messageId });
    const receipt = (online: boolean): Receipt => ({ messageId, seq: null, timestamp, online, duplicate: false });
    return { frame, receipt };
  }
}
