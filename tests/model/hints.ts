import type { LogDelivery } from "@qy-lty/server/delivery/log-delivery.ts";

/** What becomes of hints: none come, every other one, or all of them twice and the last first. */
export type Hints = "all" | "some" | "order";

/** From now on pumps are told of what is accepted as `how` says. */
export function loseHints(delivery: LogDelivery, how: Hints): void {
  const tell = Object.getPrototypeOf(delivery).accepted.bind(delivery) as LogDelivery["accepted"];
  let count = 0;
  const late: (() => void)[] = [];
  delivery.accepted = (message, seq) => {
    if (how === "some" && count++ % 2 === 0) tell(message, seq);
    if (how !== "order") return;
    late.unshift(() => tell(message, seq));
    setImmediate(() => {
      for (const hint of late.splice(0)) for (let times = 0; times < 2; times++) hint();
    });
  };
}

/** They come again as they should. */
export function findHints(delivery: LogDelivery): void {
  Reflect.deleteProperty(delivery, "accepted");
}
