import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import { type TokenOwner, type TokenRecord, tokenSubject } from "../store/tokens.ts";
import type { User } from "../store/users.ts";
import { audited } from "./audited.ts";
import { id, listOf, moment, name, paging, toIso } from "./fields.ts";
import { type Asker, defineRoute, type HttpEnvironment } from "./route.ts";
import { isAdmin, ownOnly } from "./who-may.ts";

const TokenItem = z
  .object({
    id: z.int(),
    prefix: z.string(),
    kind: z.enum(["user", "device", "service"]),
    user_id: z.int().nullable(),
    device_id: z.int().nullable(),
    service: z.string().nullable(),
    expires_at: moment().nullable(),
    revoked_at: moment().nullable(),
    last_used_at: moment().nullable(),
  })
  .openapi("Token");
const params = z.object({ token_id: id() });
/** Ten years. */
const MAX_LIFETIME_S = 315_360_000;

export const listTokens = defineRoute({
  method: "get",
  path: "/api/tokens/",
  tag: "Tokens",
  summary: "List tokens, never their secrets",
  may: ["user"],
  query: paging,
  data: listOf(TokenItem),
}).handle(async ({ query }, { principal }, { store }) => {
  const { items, total } = await store.tokens.list(query, ownOnly(principal));
  return { items: items.map(describe), total };
});

export const createToken = defineRoute({
  method: "post",
  path: "/api/tokens/",
  tag: "Tokens",
  summary: "Create a token for a user, a device or a service; it is shown this once",
  may: ["issuer"],
  status: 201,
  body: z.object({
    user_id: id().optional(),
    device_id: id().optional(),
    service: name(100).optional(),
    expires_in_s: z.int().positive().max(MAX_LIFETIME_S).optional(),
  }),
  data: TokenItem.extend({ token: z.string() }),
}).handle(async ({ body }, asker, environment) => {
  const owner = await ownerOf(body, asker, environment);
  const lifetimeMs = body.expires_in_s === undefined ? null : body.expires_in_s * 1000;
  const { token, record } = await environment.store.tokens.issue(owner, lifetimeMs);
  await environment.authority.catchUp();
  await audited(asker, environment, "token created", tokenSubject(record));
  return { ...describe(record), token };
});

export const readToken = defineRoute({
  method: "get",
  path: "/api/tokens/{token_id}/",
  tag: "Tokens",
  summary: "Read a token's record",
  may: ["user"],
  params,
  data: TokenItem,
}).handle(async ({ params: { token_id } }, { principal }, { store }) => {
  const record = await store.tokens.find(token_id);
  const own = ownOnly(principal);
  if (record === undefined || (own !== undefined && record.user_id !== own)) throw new GatewayError("NOT_FOUND");
  return describe(record);
});

export const revokeToken = defineRoute({
  method: "delete",
  path: "/api/tokens/{token_id}/",
  tag: "Tokens",
  summary: "Revoke a token; its connections close (4010)",
  may: [],
  params,
  data: z.object({ id: z.int() }),
}).handle(async ({ params: { token_id } }, asker, environment) => {
  if (!(await environment.store.tokens.revoke(token_id))) throw new GatewayError("NOT_FOUND");
  await environment.authority.catchUp();
  await audited(asker, environment, "token revoked", { token_id });
  return { id: token_id };
});

interface OwnerFields {
  readonly user_id?: number | undefined;
  readonly device_id?: number | undefined;
  readonly service?: string | undefined;
}

async function ownerOf(
  { user_id, device_id, service }: OwnerFields,
  { principal }: Asker,
  { store }: HttpEnvironment,
): Promise<TokenOwner> {
  const named = [user_id, device_id, service].filter((owner) => owner !== undefined).length;
  if (named === 0) throw new GatewayError("MISSING_PARAMETER");
  if (named > 1) throw new GatewayError("INVALID_VALUE", "name one of user_id, device_id, service");
  if (service !== undefined) {
    if (!isAdmin(principal)) throw new GatewayError("FORBIDDEN", "only an admin makes service tokens");
    return { kind: "service", id: (await store.services.ensure(service, false)).id };
  }
  if (device_id !== undefined) {
    const device = await store.devices.find(device_id);
    if (device === undefined) throw new GatewayError("NOT_FOUND", "no such device");
    // A device sees its owner's messages: a token for an admin's is as good as one for the admin.
    if (device.user_id !== null) refuseForAdmin(await store.users.find(device.user_id), principal);
    return { kind: "device", id: device_id };
  }
  const user = await store.users.find(user_id ?? 0);
  if (user === undefined) throw new GatewayError("NOT_FOUND", "no such user");
  refuseForAdmin(user, principal);
  return { kind: "user", id: user.id };
}

function refuseForAdmin(owner: User | undefined, principal: Principal): void {
  if (owner?.is_admin === 1 && !isAdmin(principal))
    throw new GatewayError("FORBIDDEN", "only an admin makes tokens for one");
}

function describe(record: TokenRecord): z.output<typeof TokenItem> {
  return {
    id: record.id,
    prefix: record.prefix,
    kind: record.kind,
    user_id: record.user_id,
    device_id: record.device_id,
    service: record.service,
    expires_at: toIso(record.expires_at),
    revoked_at: toIso(record.revoked_at),
    last_used_at: toIso(record.last_used_at),
  };
}
