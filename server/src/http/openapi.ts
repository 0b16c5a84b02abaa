import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { Errors } from "@qy-lty/protocol";
import type { Route } from "./route.ts";

export const OPENAPI_INFO: OpenAPIObjectConfig = {
  openapi: "3.1.0",
  info: {
    title: "qy-lty",
    version: "0.1.0",
    description:
      "Push messages to companion devices and their people, and manage who they are. What is said over the WebSocket stands in [AsyncAPI](/asyncapi.json).",
    license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
  },
  security: [{ token: [] }],
};

const ErrorBody = z
  .object({
    status: z.literal("error"),
    message: z.string(),
    code: z.enum(Object.keys(Errors) as [string, ...string[]]),
    request_id: z.string(),
  })
  .openapi("Error");

type RouteConfig = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0];
type OpenAPIObjectConfig = Parameters<OpenAPIHono["getOpenAPI31Document"]>[0];

/** The OpenAPI path of a route. */
export function documentRoute(route: Route): RouteConfig {
  const { method, path, tag, summary, params, query, body, data, says = "success", status = 200 } = route;
  const success = z.object({ status: z.literal("success"), message: z.literal(says), data });
  const content = route.answers ? { [route.answers]: { schema: data } } : { "application/json": { schema: success } };
  return {
    method,
    path,
    tags: [tag],
    summary,
    ...(route.may === "anyone"
      ? { security: [] }
      : { description: `For ${["admins", ...route.may.map((who) => WHO[who])].join(", ")}.` }),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(route.takesKey && { headers: IDEMPOTENCY_HEADER }),
      ...(body && { body: { required: true, content: { "application/json": { schema: body } } } }),
    },
    responses: {
      [status]: { description: "Success", content },
      default: { description: "Failure", content: { "application/json": { schema: ErrorBody } } },
    },
  };
}

const IDEMPOTENCY_HEADER = z.object({
  "idempotency-key": z
    .string()
    .min(1)
    .max(255)
    .optional()
    .openapi({ description: "The same key answers the same, for 24 h." }),
});

const WHO = {
  user: "users (what is theirs)",
  device: "devices (their owner)",
  service: "services",
  issuer: "services that may issue tokens",
} as const;
