import { SUBPROTOCOL } from "@qy-lty/protocol";
import type { StoredMessage } from "../store/log-store.ts";
import type { Dialect } from "./pump.ts";

/** A message with its wire forms, each made once however many receive it. */
interface Encoded extends StoredMessage {
  plain?: string;
  sequenced?: string;
}

/** Subprotocol `lty.v1`: `seq` on every message, and every stretch that is passed over is said. */
export const ltyV1: Dialect = {
  frame: (message: Encoded, redelivered) => {
    if (redelivered) return `${message.head},"seq":${message.seq},"redelivered":true}`;
    message.sequenced ??= `${message.head},"seq":${message.seq}}`;
    return message.sequenced;
  },
  skip: (seq, reason, timestamp) => `{"type":"skip","seq":${seq},"reason":"${reason}","timestamp":"${timestamp}"}`,
};

/** Clients of the original document: the frame as it always was. */
export const original: Dialect = {
  frame: (message: Encoded) => {
    message.plain ??= `${message.head}}`;
    return message.plain;
  },
  skip: () => null,
};

/** The dialect of a connection that speaks `subprotocol`. */
export function dialectOf(subprotocol: string | null): Dialect {
  return subprotocol === SUBPROTOCOL ? ltyV1 : original;
}
