import { principalKey } from "../auth/principal.ts";
import type { Asker, HttpEnvironment } from "./route.ts";

/** Notes in the log who changed what. Subjects are ids and field names, never values. */
export function audited(
  { principal }: Asker,
  { events }: HttpEnvironment,
  what: string,
  subject: Readonly<Record<string, unknown>>,
): void {
  events.changed(principalKey(principal), what, subject);
}
