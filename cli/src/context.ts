import { loadConfig } from "@qy-lty/server/config/load.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import type { Page, PageRequest } from "@qy-lty/server/store/page.ts";
import type { Store } from "@qy-lty/server/store/store.ts";

/** The most a store lists at once. */
const PAGE_ITEMS = 1_000;

/**
 * Runs `work` on the database of `LTY_DATABASE_URL`, also while a server runs on it, and closes it whatever happens.
 * @throws ConfigError, StoreError
 */
export async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const { databaseUrl } = loadConfig();
  // Loaded here, so that commands that need no database start without it.
  const { openStore } = await import("@qy-lty/server/store/open.ts");
  const store = await openStore(databaseUrl, new SystemClock());
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** Notes in the audit log what this command has changed. */
export function note(store: Store, what: string, subject: Readonly<Record<string, unknown>>): Promise<void> {
  return store.audit.record({ who: "cli", what, subject, requestId: null });
}

/** Every item of a list that comes in pages. */
export async function everyItem<Item>(list: (page: PageRequest) => Promise<Page<Item>>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for (;;) {
    const { items } = await list({ limit: PAGE_ITEMS, offset: all.length });
    all.push(...items);
    if (items.length < PAGE_ITEMS) return all;
  }
}
