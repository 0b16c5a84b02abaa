import { GatewayError } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import type { Caller } from "./route.ts";

/** Whether a principal may ever use a route that is for `callers`. */
export function mayUse(principal: Principal, callers: readonly Caller[]): boolean {
  switch (principal.kind) {
    case "user":
      return principal.isAdmin || callers.includes("user");
    case "device":
      return callers.includes("device");
    case "service":
      return callers.includes("service") || (principal.mayIssueTokens && callers.includes("issuer"));
  }
}

/** Whether everything is theirs: admins' and services', on routes that are open to them. */
export function seesAll(principal: Principal): boolean {
  return principal.kind === "service" || (principal.kind === "user" && principal.isAdmin);
}

export function isAdmin(principal: Principal): boolean {
  return principal.kind === "user" && principal.isAdmin;
}

/**
 * Refuses what belongs to somebody else as if it were not there.
 * @throws GatewayError `NOT_FOUND`
 */
export function requireOwn(principal: Principal, ownerId: number | null): void {
  if (seesAll(principal)) return;
  if (ownerId === null || principal.kind === "service" || principal.userId !== ownerId)
    throw new GatewayError("NOT_FOUND");
}

/** The user a list is narrowed to, or undefined for everybody's. */
export function ownOnly(principal: Principal): number | undefined {
  return seesAll(principal) || principal.kind === "service" ? undefined : (principal.userId ?? 0);
}
