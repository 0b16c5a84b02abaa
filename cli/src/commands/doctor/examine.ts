import type { Config } from "@qy-lty/server/config/config.ts";
import { ConfigError, loadClientConfig, loadConfig } from "@qy-lty/server/config/load.ts";
import { examineClock } from "./clock.ts";
import { examineDatabase } from "./database.ts";
import { examineDisk } from "./disk.ts";
import { type Finding, findings } from "./finding.ts";
import { examinePort } from "./port.ts";
import { examineWeather } from "./weather.ts";

/** Looks at everything the gateway needs on this machine. Changes nothing. Without sound settings there is nothing else to look at. */
export async function examine(): Promise<readonly Finding[]> {
  const config = settings();
  if ("status" in config) return [config];
  const { ok } = findings("settings");
  return [
    ok("are sound; `lty check-config` shows them"),
    ...(await Promise.all([
      examinePort(config),
      examineDatabase(config.databaseUrl),
      examineDisk(config.databaseUrl),
      examineClock(config.databaseUrl),
      examineWeather(config),
    ])),
  ];
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
