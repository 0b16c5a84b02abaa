import { GatewayError } from "@qy-lty/protocol";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Made, makeOnce } from "./creation-key.ts";
import type { Idempotency } from "./log-store.ts";
import { inPages, type Page, type PageRequest } from "./page.ts";
import { setEach } from "./set-each.ts";
import type { DeviceTable, Tables } from "./tables.ts";
import { refuseTaken } from "./unique.ts";

export type Device = Readonly<Selectable<DeviceTable>>;

export interface NewDevice {
  readonly name: string;
  readonly serial?: string | null;
  readonly userId?: number | null;
  readonly isPrimary?: boolean;
}

export interface DeviceChange {
  readonly name?: string;
  readonly serial?: string | null;
  /** A user's id binds, null unbinds. */
  readonly userId?: number | null;
  readonly isPrimary?: boolean;
}

/** Companion devices and whose they are. */
export class Devices {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly clock: Clock,
  ) {}

  /** @throws GatewayError `CONFLICT` when the serial is taken; `INVALID_VALUE` for a primary device of nobody */
  async create(device: NewDevice): Promise<Device> {
    return (await this.createOnce(device, null)).row;
  }

  /** As `create`; the same key answers the same device. @throws GatewayError as `create` and `makeOnce` */
  async createOnce(device: NewDevice, idempotency: Idempotency | null): Promise<Made<Device>> {
    const userId = device.userId ?? null;
    const isPrimary = device.isPrimary ?? false;
    refuseOrphanPrimary(userId, isPrimary);
    const now = this.clock.now();
    const create = async (db: Transaction<Tables>) => {
      if (isPrimary) await demotePrimary(db, userId);
      return db
        .insertInto("device")
        .values({
          name: device.name,
          serial: device.serial ?? null,
          user_id: userId,
          is_primary: isPrimary ? 1 : 0,
          created_at: now,
          bound_at: userId === null ? null : now,
          last_seen: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
    };
    const find = (db: Transaction<Tables>, id: number) =>
      db.selectFrom("device").selectAll().where("id", "=", id).executeTakeFirst();
    return this.#write((db) => makeOnce<Device>(db, idempotency, now, { create, find }));
  }

  find(id: number): Promise<Device | undefined> {
    return this.db.selectFrom("device").selectAll().where("id", "=", id).executeTakeFirst();
  }

  findPrimary(userId: number): Promise<Device | undefined> {
    return this.db
      .selectFrom("device")
      .selectAll()
      .where("user_id", "=", userId)
      .where("is_primary", "=", 1)
      .executeTakeFirst();
  }

  /** Every device in order of id, or only those of the user `owner`. */
  list(page: PageRequest, owner?: number): Promise<Page<Device>> {
    const devices = this.db
      .selectFrom("device")
      .$if(owner !== undefined, (query) => query.where("user_id", "=", owner ?? 0));
    return inPages(devices, "id", page);
  }

  /**
   * Renames, binds, unbinds or makes primary. A device that changes hands is nobody's primary unless `isPrimary` says so.
   * @throws GatewayError `CONFLICT`, `NOT_FOUND`, `INVALID_VALUE` as `create`
   */
  change(id: number, change: DeviceChange): Promise<Device> {
    return this.#write(async (db) => {
      const device = await db.selectFrom("device").selectAll().where("id", "=", id).executeTakeFirst();
      if (!device) throw new GatewayError("NOT_FOUND");
      const userId = change.userId === undefined ? device.user_id : change.userId;
      const moved = userId !== device.user_id;
      const isPrimary = change.isPrimary ?? (!moved && device.is_primary === 1);
      refuseOrphanPrimary(userId, isPrimary);
      if (isPrimary) await demotePrimary(db, userId, id);
      return db
        .updateTable("device")
        .set({
          name: change.name ?? device.name,
          serial: change.serial === undefined ? device.serial : change.serial,
          user_id: userId,
          is_primary: isPrimary ? 1 : 0,
          bound_at: moved ? (userId === null ? null : this.clock.now()) : device.bound_at,
        })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirstOrThrow();
    });
  }

  /** Notes when devices were last connected. */
  markSeen(seen: ReadonlyMap<number, number>): Promise<void> {
    return setEach(this.db, "device", "last_seen", seen);
  }

  /** Erases a device with its tokens and every message for it alone. Answers whether there was one. */
  async erase(id: number): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("device").where("id", "=", id).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  #write<Result>(work: (db: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    return refuseTaken("serial", () => this.db.transaction().execute(work));
  }
}

function refuseOrphanPrimary(userId: number | null, isPrimary: boolean): void {
  if (isPrimary && userId === null)
    throw new GatewayError("INVALID_VALUE", "is_primary: a device of nobody cannot be primary");
}

/** A user has one primary device: the new one takes the place of the old one. */
async function demotePrimary(db: Transaction<Tables>, userId: number | null, except?: number): Promise<void> {
  await db
    .updateTable("device")
    .set({ is_primary: 0 })
    .where("user_id", "=", userId)
    .where("is_primary", "=", 1)
    .$if(except !== undefined, (query) => query.where("id", "!=", except ?? 0))
    .execute();
}
