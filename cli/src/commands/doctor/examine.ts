import type { Config } from "@qy-lty/server/config/config.ts";
import { ConfigError, loadClientConfig, loadConfig } from "@qy-lty/server/config/load.ts";
import { isPostgres } from "@qy-lty/server/store/open.ts";
import { examineClock } from "./clock.ts";
import { examineDatabase } from "./database.ts";
import { examineDisk } from "./disk.ts";
import { type Finding, findings } from "./finding.ts";
import { examinePort } from "./port.ts";
import { examinePostgres, examinePostgresClock } from "./postgres.ts";
import { examineWeather } from "./weather.ts";

/** Looks at everything the gateway needs on this machine. Changes nothing. Without sound settings there is nothing else to look at. */
export async function examine(): Promise<readonly Finding[]> {
  const config = settings();
  if ("status" in config) return [config];
  const { ok } = findings("settings");
  return [
    ok("are sound; `lty check-config` shows them"),
    ...(await Promise.all([examinePort(config), ...examineStore(config.databaseUrl), examineWeather(config)])),
  ];
}

/** What a server in the network keeps is on its own disk, and told by its own tools. */
function examineStore(url: string): readonly (Finding | Promise<Finding>)[] {
  if (isPostgres(url)) return [examinePostgres(url), examinePostgresClock(url)];
  return [examineDatabase(url), examineDisk(url), examineClock(url)];
}

function settings(): Config | Finding {
  try {
    loadClientConfig();
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return findings("settings").fail(error.message, "correct it; `lty config-doc` tells what each setting takes");
  }
}
