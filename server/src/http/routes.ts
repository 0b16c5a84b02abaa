import * as audit from "./audit.ts";
import * as devices from "./devices.ts";
import * as health from "./health.ts";
import * as login from "./login.ts";
import * as messages from "./messages.ts";
import * as monitoring from "./monitoring.ts";
import * as presence from "./presence.ts";
import * as queue from "./queue.ts";
import type { Route } from "./route.ts";
import * as tickets from "./tickets.ts";
import * as tokens from "./tokens.ts";
import * as users from "./users.ts";

/** Every route. Adding one is adding it to its resource's file; the permission matrix and the OpenAPI document follow. */
export const routes: readonly Route[] = [
  messages,
  queue,
  presence,
  users,
  devices,
  tokens,
  tickets,
  login,
  audit,
  monitoring,
  health,
].flatMap((resource): Route[] => Object.values(resource));
