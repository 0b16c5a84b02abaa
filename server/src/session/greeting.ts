import { SUBPROTOCOL } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import type { Attachment } from "../delivery/attach.ts";
import { MAX_IN_FLIGHT } from "../delivery/window.ts";
import type { Clock } from "../platform/clock.ts";
import type { Session } from "./session.ts";

/** Makes the `connection_status` frame, the first that a connection gets. */
export class Greeting {
  constructor(
    private readonly clock: Clock,
    private readonly heartbeatMs: number,
  ) {}

  /** `attachment`: null for a connection that is no consumer. */
  frame(session: Session, { userId, deviceId }: Admission, attachment: Attachment | null): string {
    const user = userId === null ? "null" : `"${userId}"`;
    const reliable = session.isReliable ? this.#reliable(attachment) : "";
    return `{"type":"connection_status","status":"connected","user_id":${user},"device_id":${deviceId},"session_id":"${session.id}",${reliable}"timestamp":"${this.clock.iso()}"}`;
  }

  /** What `lty.v1` adds; a connection that is no consumer has nothing to acknowledge. */
  #reliable(attachment: Attachment | null): string {
    const members = {
      protocol: SUBPROTOCOL,
      consumer: attachment?.consumer.consumer ?? null,
      epoch: attachment?.position.epoch ?? null,
      acked: attachment?.consumer.acked ?? null,
      top: attachment?.position.top ?? null,
      resumed: attachment?.resumed ?? false,
      heartbeat_ms: this.heartbeatMs,
      ack_window: MAX_IN_FLIGHT,
    };
    return `${JSON.stringify(members).slice(1, -1)},`;
  }
}
