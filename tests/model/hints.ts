import type { LogDelivery } from "@qy-lty/server/delivery/log-delivery.ts";
import type { ServerNode } from "./node.ts";

/** What becomes of hints: none come, every other one, all of them twice and the last first, or none to other nodes. */
export type Hints = "all" | "some" | "order" | "others";

/** From now on pumps are told of what a node accepts as `how` says. */
export function loseHints({ messages: { delivery }, broker }: ServerNode, how: Hints): void {
  if (how === "others") {
    broker.say = () => {};
    return;
  }
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
export function findHints({ messages: { delivery }, broker }: ServerNode): void {
  Reflect.deleteProperty(delivery, "accepted");
  Reflect.deleteProperty(broker, "say");
}
