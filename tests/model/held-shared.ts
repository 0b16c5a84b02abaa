import type { SharedStore } from "@qy-lty/server/store/shared-store.ts";
import type { HeldLog } from "@qy-lty/server/store/testing/held-log.ts";

/** What nodes share, behind the same slow disk as the log. Presence is no part of the model. */
export function holdShared(shared: SharedStore, gate: HeldLog): SharedStore {
  return new Proxy(shared, {
    get(target, name) {
      switch (name) {
        case "claim":
        case "start":
        case "release":
        case "restore":
        case "tell": {
          const method = target[name].bind(target) as (...values: unknown[]) => Promise<unknown>;
          return (...values: unknown[]) => gate.through(() => method(...values));
        }
        default: {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        }
      }
    },
  });
}
