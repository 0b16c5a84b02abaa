import type { MessageRecord } from "../store/log-store.ts";
import type { DeliveryTimes } from "./trace.ts";

/** What became of a message for one consumer. */
export type DeliveryState = "pending" | "delivered" | "acknowledged" | "expired" | "dead" | "filtered";

export interface ConsumerStatus extends DeliveryTimes {
  readonly consumer: string;
  readonly state: DeliveryState;
}

/** A message and what became of it. */
export interface MessageStatus {
  readonly record: MessageRecord;
  readonly consumers: readonly ConsumerStatus[];
}

/** The state of `record` for each consumer, from the cursors. `seesDevice` tells whether a consumer receives what is for the message's device. */
export function statusOf(
  record: MessageRecord,
  now: number,
  seesDevice: (consumer: string) => boolean,
  times: (consumer: string) => DeliveryTimes,
): MessageStatus {
  const consumers = record.consumers.map((progress): ConsumerStatus => {
    const { consumer, acked, sent, dead } = progress;
    let state: DeliveryState = "pending";
    if (record.deviceId !== null && !seesDevice(consumer)) state = "filtered";
    else if (dead) state = "dead";
    else if (acked >= record.seq) state = "acknowledged";
    else if (record.expiresAt <= now) state = "expired";
    else if (sent >= record.seq) state = "delivered";
    return { consumer, state, ...times(consumer) };
  });
  return { record, consumers };
}
