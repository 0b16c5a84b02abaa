import { z } from "@hono/zod-openapi";
import type { User } from "../store/users.ts";
import { moment, toIso } from "./fields.ts";

/** A user as the API shows them. */
export const UserItem = z
  .object({ id: z.int(), username: z.string(), is_admin: z.boolean(), is_active: z.boolean(), created_at: moment() })
  .openapi("User");

/** Without the password's hash. */
export function describeUser(user: User): z.output<typeof UserItem> {
  return {
    id: user.id,
    username: user.username,
    is_admin: user.is_admin === 1,
    is_active: user.is_active === 1,
    created_at: toIso(user.created_at) ?? "",
  };
}
