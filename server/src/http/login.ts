import { z } from "@hono/zod-openapi";
import { LOGIN_LIFETIME_MS } from "../auth/login.ts";
import { moment, toIso } from "./fields.ts";
import { defineRoute } from "./route.ts";
import { describeUser, UserItem } from "./user-item.ts";

export const signIn = defineRoute({
  method: "post",
  path: "/api/login/",
  tag: "Tokens",
  summary: "Sign in: a token for a user name and a password",
  may: "anyone",
  takesAddress: true,
  body: z.object({ username: z.string().max(150), password: z.string().max(1024) }),
  data: z.object({ token: z.string(), token_id: z.int(), expires_at: moment(), expires_in_s: z.int(), user: UserItem }),
}).handle(async ({ body }, { remote, requestId }, { login, authority }) => {
  const { user, issued } = await login.signIn(body.username, body.password, remote ?? "", requestId);
  await authority.catchUp();
  const { token, record } = issued;
  const expires_at = toIso(record.expires_at) ?? "";
  return { token, token_id: record.id, expires_at, expires_in_s: LOGIN_LIFETIME_MS / 1000, user: describeUser(user) };
});
