import { principalKey } from "../auth/principal.ts";
import type { Asker, HttpEnvironment } from "./route.ts";

/**
 * Notes who changed what, in the audit log and in the server's. Subjects are ids and field names, never values. The change
 * is made by then: that it cannot be noted is an error in the log, and no failure of the request.
 */
export async function audited(
  { principal, requestId }: Asker,
  { events, store }: HttpEnvironment,
  what: string,
  subject: Readonly<Record<string, unknown>>,
): Promise<void> {
  const who = principalKey(principal);
  events.changed(who, what, subject);
  try {
    await store.audit.record({ who, what, subject, requestId: requestId ?? null });
  } catch (error) {
    events.backgroundError(error);
  }
}
