import type { Broker, BrokerListener, Notice } from "./broker.ts";

/** Nodes of one process, for tests. */
export class MemoryHub {
  readonly nodes = new Set<MemoryBroker>();

  /** Another node. */
  join(): MemoryBroker {
    return new MemoryBroker(this);
  }
}

/** A node that hears the others of its hub at once. */
export class MemoryBroker implements Broker {
  readonly isUp = true;
  readonly #followed = new Set<number>();
  #listener: BrokerListener | undefined;

  constructor(private readonly hub: MemoryHub) {}

  get isShared(): boolean {
    return this.hub.nodes.size > 1;
  }

  start(listener: BrokerListener): void {
    this.#listener = listener;
    this.hub.nodes.add(this);
  }

  say(notice: Notice): void {
    for (const node of this.hub.nodes) if (node !== this) node.#hear(notice);
  }

  follow(userId: number): void {
    this.#followed.add(userId);
    this.#listener?.following([userId]);
  }

  unfollow(userId: number): void {
    this.#followed.delete(userId);
  }

  async stop(): Promise<void> {
    this.hub.nodes.delete(this);
  }

  #hear(notice: Notice): void {
    if (!("userId" in notice) || this.#followed.has(notice.userId)) this.#listener?.heard(notice);
  }
}
