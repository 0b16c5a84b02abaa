import type { CursorKey } from "../store/log-store.ts";
import type { Consumer } from "./consumer.ts";

/** Consumers by user and name. Most users have one, which is kept without a map around it. */
export class ConsumerIndex {
  readonly #byUser = new Map<number, Consumer | Map<string, Consumer>>();

  get({ userId, consumer }: CursorKey): Consumer | undefined {
    const present = this.#byUser.get(userId);
    if (present instanceof Map) return present.get(consumer);
    return present?.consumer === consumer ? present : undefined;
  }

  /** In the place of the one of the same name, if there is one. */
  set(consumer: Consumer): void {
    const { userId, consumer: name } = consumer;
    const present = this.#byUser.get(userId);
    if (present instanceof Map) present.set(name, consumer);
    else if (present === undefined || present.consumer === name) this.#byUser.set(userId, consumer);
    else {
      const both = new Map([
        [present.consumer, present],
        [name, consumer],
      ]);
      this.#byUser.set(userId, both);
    }
  }

  delete({ userId, consumer }: CursorKey): void {
    const present = this.#byUser.get(userId);
    if (present instanceof Map) {
      present.delete(consumer);
      if (present.size === 0) this.#byUser.delete(userId);
    } else if (present?.consumer === consumer) this.#byUser.delete(userId);
  }

  /** Those of one user. */
  ofUser(userId: number): Iterable<Consumer> {
    const present = this.#byUser.get(userId);
    if (present === undefined) return [];
    return present instanceof Map ? present.values() : [present];
  }

  *all(): Generator<Consumer> {
    for (const userId of this.#byUser.keys()) yield* this.ofUser(userId);
  }
}
