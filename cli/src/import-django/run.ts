import { parseDjangoHash } from "@qy-lty/server/auth/django-password.ts";
import { LEGACY_TOKEN_PATTERN } from "@qy-lty/server/platform/ids.ts";
import type { ImportedDevice, ImportedToken, ImportedUser, Imports } from "@qy-lty/server/store/imports.ts";
import { UsageError } from "../exit.ts";
import type { Binding, DjangoSource } from "./source.ts";

/** Of one table: how many rows there are, and how many of them were not here yet. */
export interface Tally {
  read: number;
  new: number;
}

/** What an import found and did. */
export interface ImportSummary {
  readonly users: Tally;
  readonly devices: Tally;
  readonly tokens: Tally;
  /** Of several users of a device one stays its owner. `orphaned`: of a user or a device that is not there. */
  readonly bindings: { read: number; kept: number; left_out: number; orphaned: number };
  /** How users will sign in; `unknown` are of hashers that are not understood, and need a new password. */
  readonly passwords: { pbkdf2: number; argon2: number; none: number; unknown: number };
  /** Tokens that are not of 40 hex characters, or of a user who is not there: left out. */
  unusable_tokens: number;
}

/** How far it is: rows done, of how many. */
export type Progress = (done: number, total: number) => void;

interface Pass {
  readonly source: DjangoSource;
  readonly imports: Imports;
  readonly owners: ReadonlyMap<number, Binding>;
  readonly userIds: Set<number>;
  readonly summary: ImportSummary;
  /** Rows that were just looked at. */
  advance(rows: number): void;
}

/**
 * Looks at everything, so that nothing is written where something clashes; then, unless it is a `dryRun`, takes over what is
 * new, in transactions of a thousand rows. Killed in the middle, it goes on from there when it is run again.
 * @throws UsageError, GatewayError `CONFLICT` for the first thing that cannot be taken over
 */
export async function importDjango(
  source: DjangoSource,
  imports: Imports,
  dryRun: boolean,
  progress: Progress,
): Promise<ImportSummary> {
  const counts = [await source.count("users"), await source.count("devices"), await source.count("tokens")];
  const total = counts.reduce((sum, count) => sum + count, 0) * (dryRun ? 1 : 2);
  let done = 0;
  const advance = (rows: number) => {
    done += rows;
    progress(done, total);
  };

  const summary = emptySummary();
  const userIds = new Set<number>();
  await eachPage(source.users(), async (page) => {
    for (const user of page) {
      userIds.add(user.id);
      summary.passwords[kindOf(user)] += 1;
    }
    summary.users.read += page.length;
    summary.users.new += await imports.users(page, false);
    advance(page.length);
  });
  const owners = await findOwners(source, userIds, summary);
  const pass: Pass = { source, imports, owners, userIds, summary, advance };
  const newest = await look(pass);
  const isNew = summary.users.new + summary.devices.new + summary.tokens.new > 0;
  if (dryRun || !isNew) return summary;

  // First of all, so that nobody gets an id that is about to be taken over.
  await imports.reserve({
    user: Math.max(await source.lastId("users"), ...[...userIds].slice(-1)),
    device: Math.max(await source.lastId("devices"), newest),
  });
  await eachPage(source.users(), async (page) => {
    await imports.users(page, true);
    advance(page.length);
  });
  await eachPage(source.devices(), async (page) => {
    await imports.devices(owned(page, owners), true);
    advance(page.length);
  });
  await eachPage(source.tokens(), async (page) => {
    await imports.tokens(usable(page, userIds), true);
    advance(page.length);
  });
  return summary;
}

/** Devices and tokens; answers the highest id of a device. */
async function look({ source, imports, owners, userIds, summary, advance }: Pass): Promise<number> {
  const serials = new Map<string, number>();
  const deviceIds = new Set<number>();
  let newest = 0;
  await eachPage(source.devices(), async (page) => {
    for (const { id, serial } of page) {
      const twin = serial === null ? undefined : serials.get(serial);
      if (twin !== undefined)
        throw new UsageError(`devices ${twin} and ${id} of the source have the same serial '${serial}'`);
      if (serial !== null) serials.set(serial, id);
      deviceIds.add(id);
      newest = Math.max(newest, id);
    }
    summary.devices.read += page.length;
    summary.devices.new += await imports.devices(owned(page, owners), false);
    advance(page.length);
  });
  await eachPage(source.tokens(), async (page) => {
    const good = usable(page, userIds);
    summary.tokens.read += page.length;
    summary.unusable_tokens += page.length - good.length;
    summary.tokens.new += await imports.tokens(good, false);
    advance(page.length);
  });
  summary.bindings.kept = [...owners.keys()].filter((id) => deviceIds.has(id)).length;
  summary.bindings.orphaned += owners.size - summary.bindings.kept;
  return newest;
}

/** A device belongs to one user here: to whom it is the primary device, else to who was bound to it first. */
async function findOwners(
  source: DjangoSource,
  userIds: ReadonlySet<number>,
  { bindings: tally }: ImportSummary,
): Promise<ReadonlyMap<number, Binding>> {
  const owners = new Map<number, Binding>();
  for (const { deviceId, userId, isPrimary } of await source.bindings()) {
    tally.read += 1;
    const holder = owners.get(deviceId);
    if (!userIds.has(userId)) tally.orphaned += 1;
    else if (holder !== undefined && (holder.isPrimary || !isPrimary)) tally.left_out += 1;
    else {
      if (holder !== undefined) tally.left_out += 1;
      owners.set(deviceId, { userId, isPrimary });
    }
  }
  // Of several primary devices the first one is: the original takes the first it finds, too.
  const served = new Set<number>();
  for (const [deviceId, { userId, isPrimary }] of owners) {
    if (!isPrimary) continue;
    if (served.has(userId)) owners.set(deviceId, { userId, isPrimary: false });
    served.add(userId);
  }
  return owners;
}

function owned(
  page: readonly Omit<ImportedDevice, "userId" | "isPrimary">[],
  owners: ReadonlyMap<number, Binding>,
): ImportedDevice[] {
  return page.map((device) => {
    const { userId, isPrimary } = owners.get(device.id) ?? { userId: null, isPrimary: false };
    return { ...device, userId, isPrimary };
  });
}

function usable(page: readonly ImportedToken[], userIds: ReadonlySet<number>): ImportedToken[] {
  return page.filter(({ token, userId }) => LEGACY_TOKEN_PATTERN.test(token) && userIds.has(userId));
}

function kindOf({ passwordHash }: ImportedUser): keyof ImportSummary["passwords"] {
  if (passwordHash === null) return "none";
  if (passwordHash.startsWith("$argon2")) return "argon2";
  return parseDjangoHash(passwordHash) === undefined ? "unknown" : "pbkdf2";
}

function emptySummary(): ImportSummary {
  return {
    users: { read: 0, new: 0 },
    devices: { read: 0, new: 0 },
    tokens: { read: 0, new: 0 },
    bindings: { read: 0, kept: 0, left_out: 0, orphaned: 0 },
    passwords: { pbkdf2: 0, argon2: 0, none: 0, unknown: 0 },
    unusable_tokens: 0,
  };
}

async function eachPage<Item>(
  pages: AsyncGenerator<readonly Item[]>,
  work: (page: readonly Item[]) => Promise<void>,
): Promise<void> {
  for await (const page of pages) await work(page);
}
