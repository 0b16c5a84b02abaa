import type { Device } from "@qy-lty/server/store/devices.ts";
import type { Store } from "@qy-lty/server/store/store.ts";
import type { User } from "@qy-lty/server/store/users.ts";

const ADMIN_NAME = "admin";
const USER_NAME = "demo";
const DEVICE_NAME = "Demo companion";

/** Everything to try the gateway with; the tokens exist in clear only here. */
export interface DemoAccounts {
  readonly admin: User;
  readonly user: User;
  readonly device: Device;
  readonly tokens: {
    readonly admin: string;
    /** The demo user as the original document has it: without a role. */
    readonly user: string;
    readonly device: string;
    /** The demo user again, meant for `?role=app`. */
    readonly app: string;
  };
}

/** What the database has for a demo. */
export type Demo = { readonly accounts: DemoAccounts } | { readonly accounts: null; readonly username: string | null };

/** Creates the demo's accounts in a database without users; else answers whether its user is there. */
export async function prepareDemo(store: Store): Promise<Demo> {
  const { total } = await store.users.list({ limit: 1, offset: 0 });
  if (total === 0) return { accounts: await createAccounts(store) };
  const user = await store.users.findByName(USER_NAME);
  return { accounts: null, username: user?.username ?? null };
}

async function createAccounts(store: Store): Promise<DemoAccounts> {
  const admin = await store.users.create({ username: ADMIN_NAME, isAdmin: true });
  const user = await store.users.create({ username: USER_NAME });
  const device = await store.devices.create({ name: DEVICE_NAME, userId: user.id, isPrimary: true });
  const issue = async (kind: "user" | "device", id: number) => (await store.tokens.issue({ kind, id }, null)).token;
  return {
    admin,
    user,
    device,
    tokens: {
      admin: await issue("user", admin.id),
      user: await issue("user", user.id),
      device: await issue("device", device.id),
      app: await issue("user", user.id),
    },
  };
}
