import type { ResumePoint } from "@qy-lty/server/delivery/attach.ts";
import type { CredentialRecord } from "@qy-lty/server/store/store.ts";
import type { Frame, Link } from "./link.ts";

/** Who a client is. */
export interface Kind {
  readonly name: string;
  readonly consumer: string;
  readonly deviceId: number | null;
  /** Speaks `lty.v1`. */
  readonly isReliable: boolean;
  readonly role: "app" | null;
  readonly clientId: string | null;
}

export const KINDS: readonly Kind[] = [
  { name: "speaker", consumer: "device:11", deviceId: 11, isReliable: true, role: null, clientId: null },
  { name: "lamp", consumer: "device:12", deviceId: 12, isReliable: false, role: null, clientId: null },
  { name: "phone", consumer: "app:1:phone", deviceId: null, isReliable: true, role: "app", clientId: "phone" },
  { name: "desk", consumer: "user:1", deviceId: null, isReliable: true, role: null, clientId: null },
  { name: "web", consumer: "user:1", deviceId: null, isReliable: false, role: null, clientId: null },
  { name: "clock", consumer: "device:13", deviceId: 13, isReliable: true, role: null, clientId: null },
];

export const CONSUMERS: readonly string[] = [...new Set(KINDS.map(({ consumer }) => consumer))];

/** A client as the page says that one behaves. What it has handled it remembers, whatever happens to its connections. */
export class Client {
  /** The connection it believes in. */
  link: Link | undefined;
  /** Where it stands. */
  place: ResumePoint | null = null;
  readonly handled = new Set<string>();
  /** What its connection was shown as acknowledged. */
  #shown = 0;

  constructor(readonly kind: Kind) {}

  /** What it shows; a device's is its owner's. */
  credential(owner: number): CredentialRecord {
    const { deviceId } = this.kind;
    const principal =
      deviceId === null
        ? ({ kind: "user", userId: 1, username: "anna", isAdmin: false } as const)
        : ({ kind: "device", userId: owner, deviceId, name: this.kind.name } as const);
    return { tokenId: 1, principal, primaryDeviceId: 11, expiresAt: null, refused: false };
  }

  /** Reads and handles what has come, at most so much; answers how much that was. */
  read(most: number): number {
    for (let read = 0; read < most; read++) {
      const next = this.link?.take();
      if (next === undefined) return read;
      if (next.kind === "ping") this.link?.up.push({ kind: "pong", payload: next.payload });
      else if (next.kind === "frame") this.#handle(next.frame);
    }
    return most;
  }

  /** Acknowledges what it has handled; `working`: and says that it is busy with the next. */
  acknowledge(working: boolean): void {
    if (this.place === null || !this.kind.isReliable) return;
    this.say({ type: "ack", seq: this.place.seq, ...(working && { working }) });
  }

  say(frame: object): void {
    if (this.link?.isHeld) this.link.up.push({ kind: "text", text: JSON.stringify(frame) });
  }

  #handle({ type, epoch, acked, seq, message_id: id }: Frame): void {
    if (type === "connection_status" && epoch !== undefined && this.kind.isReliable) {
      this.#shown = acked ?? 0;
      if (this.place?.epoch !== epoch) this.place = { epoch, seq: this.#shown, last: null };
    } else if (type === "reset" && epoch !== undefined) this.place = { epoch, seq: this.#shown, last: null };
    else if (id !== undefined) {
      this.handled.add(id);
      if (this.place !== null && seq !== undefined) this.place = { ...this.place, seq, last: id };
    }
  }
}
