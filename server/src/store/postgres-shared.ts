import type { TicketGrant } from "../auth/tickets.ts";
import type { CursorKey } from "./log-store.ts";
import type { PostgresNode } from "./postgres-node.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import type {
  Claim,
  Departed,
  HeldConsumer,
  NodeMessage,
  PresenceChanges,
  SessionRecord,
  SharedStore,
  Start,
} from "./shared-store.ts";

const MOST_SESSIONS = 10_000;
const SQL = {
  // The home is the same for all, and another for every copy.
  name: { name: "log_name", text: "SELECT left(md5(value), 12) AS name FROM fact WHERE name = 'home'" },
  save: { name: "presence_save", text: "SELECT presence_save($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
  users: {
    name: "presence_users",
    text: 'SELECT DISTINCT user_id AS "userId" FROM session WHERE node <> $1 AND user_id IS NOT NULL',
  },
  user: { name: "presence_user", text: "SELECT 1 FROM session WHERE node <> $1 AND user_id = $2 LIMIT 1" },
  devices: {
    name: "presence_devices",
    text: 'SELECT device_id AS "deviceId" FROM session WHERE node <> $1 AND device_id = ANY($2)',
  },
  count: { name: "presence_count", text: "SELECT count(*) AS count FROM session WHERE node <> $1" },
  nodeOf: { name: "presence_node", text: "SELECT node FROM session WHERE id = $1" },
  sessions: {
    name: "presence_sessions",
    text: `SELECT session.id, user_id AS "userId", device_id AS "deviceId", role, remote, connected_at AS "connectedAt",
                  last_activity AS "lastActivity", coalesce(node.name, '') AS node
           FROM session LEFT JOIN node ON node.id = session.node
           WHERE session.node <> $1 AND ($2::bigint IS NULL OR user_id = $2) ORDER BY connected_at, session.id LIMIT ${MOST_SESSIONS}`,
  },
  claim: {
    name: "attachment_claim",
    text: 'SELECT claimed AS claim, others::text[], shared AS "isShared" FROM attachment_claim($1, $2, $3)',
  },
  start: {
    name: "attachment_start",
    text: "SELECT number, start_after AS after FROM attachment_start($1, $2, $3, $4)",
  },
  release: { name: "attachment_release", text: "SELECT attachment_release($1, $2, $3, $4)" },
  restore: {
    name: "attachment_restore",
    text: `SELECT lost_user AS "userId", lost_consumer AS consumer, lost_claim AS claim
           FROM attachment_restore($1, $2, $3, $4, $5, $6)`,
  },
  saveTicket: { name: "ticket_save", text: "SELECT ticket_save($1, $2, $3, $4, $5)" },
  takeTicket: {
    name: "ticket_take",
    text: `DELETE FROM ticket WHERE hash = $1
           RETURNING token_id AS "tokenId", device_id AS "deviceId", expires_at > clock_timestamp() AS "isGood"`,
  },
  departed: {
    name: "presence_departed",
    text: 'DELETE FROM departed RETURNING device_id AS "deviceId", user_id AS "userId"',
  },
  tell: { name: "node_tell", text: "SELECT pg_notify('lty_nodes', $1)" },
};

/** What the nodes share in PostgreSQL. */
export class PostgresShared implements SharedStore {
  constructor(
    private readonly pool: PostgresPool,
    private readonly node: Pick<
      PostgresNode,
      "id" | "previousId" | "name" | "lookAround" | "onMessage" | "onRejoined" | "onBuried"
    >,
  ) {}

  get nodeName(): string {
    return this.node.name;
  }

  async name(): Promise<string> {
    const [row] = await this.pool.run<{ name: string }>(SQL.name);
    return row?.name ?? "";
  }

  async savePresence({ came, gone }: PresenceChanges): Promise<void> {
    await this.pool.run(SQL.save, [
      this.node.id,
      came.map(({ id }) => id),
      came.map(({ userId }) => userId),
      came.map(({ deviceId }) => deviceId),
      came.map(({ role }) => role),
      came.map(({ remote }) => remote),
      came.map(({ connectedAt }) => connectedAt),
      came.map(({ lastActivity }) => lastActivity),
      gone,
    ]);
  }

  async onlineUsers(): Promise<readonly number[]> {
    return (await this.pool.run<{ userId: number }>(SQL.users, [this.node.id])).map(({ userId }) => userId);
  }

  async isUserOnline(userId: number): Promise<boolean> {
    return (await this.pool.run(SQL.user, [this.node.id, userId])).length > 0;
  }

  async onlineDevices(deviceIds: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.pool.run<{ deviceId: number }>(SQL.devices, [this.node.id, deviceIds]);
    return new Set(rows.map(({ deviceId }) => deviceId));
  }

  sessions(userId?: number): Promise<readonly (SessionRecord & { readonly node: string })[]> {
    return this.pool.run<SessionRecord & { readonly node: string }>(SQL.sessions, [this.node.id, userId ?? null]);
  }

  async countSessions(): Promise<number> {
    return (await this.pool.run<{ count: number }>(SQL.count, [this.node.id]))[0]?.count ?? 0;
  }

  async nodeOf(sessionId: string): Promise<number | undefined> {
    return (await this.pool.run<{ node: number }>(SQL.nodeOf, [sessionId]))[0]?.node;
  }

  /** Who has died by now is not asked. */
  async claim({ userId, consumer }: CursorKey): Promise<Claim> {
    await this.node.lookAround();
    const values = [this.node.id, userId, consumer];
    const [row] = await this.pool.run<Claim & { others: readonly string[] }>(SQL.claim, values);
    if (row === undefined) throw new Error("a claim had no answer");
    return { ...row, others: row.others.map(Number) };
  }

  /** What a node left that has died by now is taken over. */
  async start({ userId, consumer }: CursorKey, takeover: boolean): Promise<Start> {
    await this.node.lookAround();
    const [row] = await this.pool.run<Start>(SQL.start, [this.node.id, userId, consumer, takeover]);
    if (row === undefined) throw new Error("a start had no answer");
    return row;
  }

  async release(held: readonly HeldConsumer[]): Promise<void> {
    await this.pool.run(SQL.release, [this.node.id, ...columnsOf(held)]);
  }

  restore(held: readonly (HeldConsumer & { readonly acked: number | null })[]): Promise<readonly HeldConsumer[]> {
    const { id, previousId } = this.node;
    const ackeds = held.map(({ acked }) => acked);
    return this.pool.run<HeldConsumer>(SQL.restore, [id, previousId, ...columnsOf(held), ackeds]);
  }

  async saveTicket(hash: string, { tokenId, deviceId }: TicketGrant, lifetimeMs: number, most: number): Promise<void> {
    await this.pool.run(SQL.saveTicket, [hash, tokenId, deviceId, lifetimeMs, most]);
  }

  async takeTicket(hash: string): Promise<TicketGrant | null> {
    const [row] = await this.pool.run<TicketGrant & { isGood: boolean }>(SQL.takeTicket, [hash]);
    return row?.isGood ? { tokenId: row.tokenId, deviceId: row.deviceId } : null;
  }

  async tell(node: number, message: NodeMessage): Promise<void> {
    await this.pool.run(SQL.tell, [JSON.stringify({ to: node, from: this.node.id, message })]);
  }

  onMessage(listener: (from: number, message: NodeMessage) => void): void {
    this.node.onMessage(listener);
  }

  onRejoined(listener: () => void): void {
    this.node.onRejoined(listener);
  }

  onDeparted(listener: (devices: readonly Departed[]) => void, failed: (error: unknown) => void): void {
    this.node.onBuried(() => {
      this.pool.run<Departed>(SQL.departed).then((devices) => devices.length > 0 && listener(devices), failed);
    });
  }
}

function columnsOf(held: readonly HeldConsumer[]): unknown[] {
  return [held.map(({ userId }) => userId), held.map(({ consumer }) => consumer), held.map(({ claim }) => claim)];
}
