import { Close } from "@qy-lty/protocol";
import type { Registry } from "../session/registry.ts";
import type { Session } from "../session/session.ts";
import type { SessionRecord } from "../store/shared-store.ts";

/** A connection, and the node that has it. */
export type ConnectionRecord = SessionRecord & { readonly node: string };

/** Who is connected, on every node. What is said of other nodes may be some tenths of a second old. */
export interface Presence {
  onlineUsers(): readonly number[] | Promise<readonly number[]>;
  isUserOnline(userId: number): boolean | Promise<boolean>;
  /** Which of these devices are connected. */
  onlineDevices(deviceIds: readonly number[]): ReadonlySet<number> | Promise<ReadonlySet<number>>;
  /** All connections, or one user's. */
  connections(userId?: number): readonly ConnectionRecord[] | Promise<readonly ConnectionRecord[]>;
  count(): number | Promise<number>;
  /** Closes a connection, wherever it is; answers whether there is one. */
  close(sessionId: string): boolean | Promise<boolean>;
}

/** One node, which knows all there is to know. */
export class LocalPresence implements Presence {
  constructor(
    private readonly registry: Registry,
    private readonly node = "local",
  ) {}

  onlineUsers(): readonly number[] {
    return [...this.registry.users.topics()];
  }

  isUserOnline(userId: number): boolean {
    return this.registry.users.has(userId);
  }

  onlineDevices(deviceIds: readonly number[]): ReadonlySet<number> {
    return new Set(deviceIds.filter((id) => this.registry.devices.has(id)));
  }

  connections(userId?: number): readonly ConnectionRecord[] {
    return [...this.registry.all()]
      .filter(({ admission }) => userId === undefined || admission?.userId === userId)
      .map((session) => ({ ...toRecord(session), node: this.node }));
  }

  count(): number {
    return this.registry.size;
  }

  close(sessionId: string): boolean {
    const session = this.registry.find(sessionId);
    session?.close(Close.closedByAdministrator);
    return session !== undefined;
  }
}

/** What other nodes may know of a connection. */
export function toRecord({ id, admission, remote, connectedAt, lastActivity }: Session): SessionRecord {
  const { userId = null, deviceId = null, role = "user" } = admission ?? {};
  return { id, userId, deviceId, role, remote, connectedAt, lastActivity };
}
