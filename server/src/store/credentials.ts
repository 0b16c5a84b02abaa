import type { Principal } from "../auth/principal.ts";
import type { CredentialRecord } from "./store.ts";
import type { Flag, TokenTable } from "./tables.ts";

/** A row of the credential query: the token with whoever it belongs to. */
export interface CredentialRow {
  readonly id: number;
  readonly kind: TokenTable["kind"];
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly user_id: number | null;
  readonly device_id: number | null;
  readonly service_id: number | null;
  readonly username: string | null;
  readonly is_admin: Flag | null;
  readonly user_active: Flag | null;
  readonly primary_device_id: number | null;
  readonly device_name: string | null;
  readonly owner_id: number | null;
  readonly owner_active: Flag | null;
  readonly service_name: string | null;
  readonly may_issue_tokens: Flag | null;
}

/** Everything about a token that a handshake needs; a dialect adds its condition. */
export const CREDENTIAL = `
  SELECT token.id, token.kind, token.expires_at, token.revoked_at, token.user_id, token.device_id, token.service_id,
         account.username, account.is_admin, account.is_active AS user_active, prime.id AS primary_device_id,
         device.name AS device_name, device.user_id AS owner_id, owner.is_active AS owner_active,
         service.name AS service_name, service.may_issue_tokens
  FROM token
  LEFT JOIN "user" AS account ON account.id = token.user_id
  LEFT JOIN device AS prime ON prime.user_id = token.user_id AND prime.is_primary = 1
  LEFT JOIN device ON device.id = token.device_id
  LEFT JOIN "user" AS owner ON owner.id = device.user_id
  LEFT JOIN service ON service.id = token.service_id`;

// The plus sign changes nothing but the plan's making: for a bare parameter SQLite plans the join anew at every execution,
// in case another value would do better with its statistics (sqlite.org/c3ref/c_dbconfig_defensive.html, QPSG). 22 µs against 6.
export const CREDENTIAL_BY_HASH = `${CREDENTIAL} WHERE token.hash = +?`;
export const CREDENTIAL_BY_ID = `${CREDENTIAL} WHERE token.id = +?`;

/** The record of a row; `undefined` for none. */
export function toCredentialRecord(row: CredentialRow | null | undefined): CredentialRecord | undefined {
  if (!row) return undefined;
  const disabled = row.kind === "user" ? row.user_active === 0 : row.owner_active === 0;
  return {
    tokenId: row.id,
    principal: toPrincipal(row),
    primaryDeviceId: row.primary_device_id,
    expiresAt: row.expires_at,
    refused: row.revoked_at !== null || disabled,
  };
}

function toPrincipal(row: CredentialRow): Principal {
  if (row.user_id !== null) {
    return { kind: "user", userId: row.user_id, username: row.username ?? "", isAdmin: row.is_admin === 1 };
  }
  if (row.device_id !== null) {
    return { kind: "device", deviceId: row.device_id, name: row.device_name ?? "", userId: row.owner_id };
  }
  return {
    kind: "service",
    serviceId: row.service_id ?? 0,
    name: row.service_name ?? "",
    mayIssueTokens: row.may_issue_tokens === 1,
  };
}
