import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { Store } from "../store/store.ts";
import type { Broker } from "./broker.ts";

/**
 * The broker that the settings ask for; undefined for a server that is alone. A database that others use too names the
 * nodes that belong together.
 * @throws GatewayError `UNAVAILABLE` when the database does not answer
 */
export async function createBroker(config: Config, store: Store, clock: Clock): Promise<Broker | undefined> {
  if (config.redisUrl === undefined || store.shared === null) return undefined;
  // Loaded here, so that a server that is alone starts without it.
  const { RedisBroker } = await import("./redis.ts");
  return new RedisBroker({ url: config.redisUrl, namespace: await store.shared.name(), clock });
}
