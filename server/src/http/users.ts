import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { audited } from "./audited.ts";
import { id, idempotencyKey, listOf, name, paging } from "./fields.ts";
import { creationKey, defineRoute } from "./route.ts";
import { describeUser, UserItem } from "./user-item.ts";
import { isAdmin, ownOnly, requireOwn } from "./who-may.ts";

const params = z.object({ user_id: id() });
const password = () => z.string().min(1).max(1024);

export const listUsers = defineRoute({
  method: "get",
  path: "/api/users/",
  tag: "Users",
  summary: "List users",
  may: ["user"],
  query: paging,
  data: listOf(UserItem),
}).handle(async ({ query }, { principal }, { store }) => {
  const { items, total } = await store.users.list(query, ownOnly(principal));
  return { items: items.map(describeUser), total };
});

export const createUser = defineRoute({
  method: "post",
  path: "/api/users/",
  tag: "Users",
  summary: "Create a user",
  may: ["issuer"],
  status: 201,
  takesKey: true,
  body: z.object({
    username: name(),
    password: password().optional(),
    is_admin: z.boolean().optional(),
    idempotency_key: idempotencyKey(),
  }),
  data: UserItem,
}).handle(async ({ body }, asker, environment) => {
  if (body.is_admin && !isAdmin(asker.principal)) throw new GatewayError("FORBIDDEN", "only an admin makes admins");
  const passwordHash = body.password === undefined ? null : await environment.passwords.hash(body.password);
  const isAdminToo = body.is_admin ?? false;
  // Not the password: a digest of it that is quickly made is quickly guessed.
  const told = ["user", body.username, isAdminToo, body.password !== undefined];
  const { row: user, isNew } = await environment.store.users.createOnce(
    { username: body.username, passwordHash, isAdmin: isAdminToo },
    creationKey(asker, body.idempotency_key, told),
  );
  if (isNew) await audited(asker, environment, "user created", { user_id: user.id });
  return describeUser(user);
});

export const readUser = defineRoute({
  method: "get",
  path: "/api/users/{user_id}/",
  tag: "Users",
  summary: "Read a user",
  may: ["user"],
  params,
  data: UserItem,
}).handle(async ({ params: { user_id } }, { principal }, { store }) => {
  requireOwn(principal, user_id);
  const user = await store.users.find(user_id);
  if (user === undefined) throw new GatewayError("NOT_FOUND");
  return describeUser(user);
});

export const changeUser = defineRoute({
  method: "patch",
  path: "/api/users/{user_id}/",
  tag: "Users",
  summary: "Rename, disable, enable, or make a user an admin",
  may: [],
  params,
  body: z.object({
    username: name().optional(),
    password: password().nullable().optional(),
    is_admin: z.boolean().optional(),
    is_active: z.boolean().optional(),
  }),
  data: UserItem,
}).handle(async ({ params: { user_id }, body }, asker, environment) => {
  const hash = body.password ? await environment.passwords.hash(body.password) : body.password;
  const user = await environment.store.users.change(user_id, {
    ...(body.username !== undefined && { username: body.username }),
    ...(hash !== undefined && { passwordHash: hash }),
    ...(body.is_admin !== undefined && { isAdmin: body.is_admin }),
    ...(body.is_active !== undefined && { isActive: body.is_active }),
  });
  await environment.authority.catchUp();
  const fields = Object.keys(body);
  if (fields.length > 0) await audited(asker, environment, "user changed", { user_id, fields });
  return describeUser(user);
});

export const eraseUser = defineRoute({
  method: "delete",
  path: "/api/users/{user_id}/",
  tag: "Users",
  summary: "Erase a user with everything that belongs to them",
  may: [],
  params,
  data: z.object({ id: z.int() }),
}).handle(async ({ params: { user_id } }, asker, environment) => {
  if (!(await environment.store.users.erase(user_id))) throw new GatewayError("NOT_FOUND");
  await environment.authority.catchUp();
  await audited(asker, environment, "user erased", { user_id });
  return { id: user_id };
});
