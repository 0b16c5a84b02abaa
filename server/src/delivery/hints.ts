import type { Broker, BrokerListener, Notice } from "../broker/broker.ts";
import type { Answers } from "../dispatch/answers.ts";
import type { SharedRates } from "../dispatch/shared-rates.ts";
import type { Events } from "../observe/events.ts";
import { sayToApps } from "../presence/device-status.ts";
import type { Registry } from "../session/registry.ts";
import type { Sweep } from "./sweep.ts";

/** What other nodes say reaches this node's connections. A hint that was lost, or came before somebody followed, is swept up. */
export class Hints implements BrokerListener {
  constructor(
    private readonly broker: Broker,
    private readonly registry: Registry,
    private readonly sweep: Sweep,
    private readonly events: Events,
    private readonly rates: Pick<SharedRates, "heard"> | null,
    private readonly answers: Pick<Answers, "keep"> | null,
  ) {}

  heard(notice: Notice): void {
    const { users, devices } = this.registry;
    switch (notice.kind) {
      case "message":
        users.each(notice.userId, (session) => session.offer(notice.message));
        return;
      case "frame":
        if (notice.appsOnly) sayToApps(this.registry, this.events, notice.userId, notice.frame);
        else if (notice.deviceId === null) users.each(notice.userId, (session) => session.push(notice.frame));
        else devices.each(notice.deviceId, (session) => session.push(notice.frame));
        return;
      case "broadcast":
        this.registry.pushToAll(notice.frame);
        return;
      case "rates":
        this.rates?.heard(notice.counts);
        return;
      case "answer":
        this.answers?.keep(notice.consumer, notice.id, notice.frame);
    }
  }

  following(userIds: readonly number[] | null): void {
    if (this.broker.isShared) void this.sweep.look(userIds ?? [...this.registry.users.topics()]);
  }

  changed(isUp: boolean): void {
    if (isUp) this.events.redisAnswered();
    else this.events.redisAway();
  }
}
