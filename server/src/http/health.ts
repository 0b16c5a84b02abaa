import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { defineRoute } from "./route.ts";

export const healthz = defineRoute({
  method: "get",
  path: "/healthz",
  tag: "Health",
  summary: "Whether the process is alive",
  may: "anyone",
  data: z.object({}),
}).handle(() => ({}));

export const readyz = defineRoute({
  method: "get",
  path: "/readyz",
  tag: "Health",
  summary: "Whether it can serve: 503 without its database or while it drains",
  may: "anyone",
  data: z.object({
    degraded: z.array(z.string()).openapi({
      description: "`redis`: it cannot be reached; what other nodes take arrives up to some seconds later.",
    }),
  }),
}).handle(async (_input, _asker, { store, broker, isDraining }) => {
  if (isDraining()) throw new GatewayError("UNAVAILABLE", "draining", { retryAfterMs: 5_000 });
  try {
    await store.check();
  } catch (error) {
    throw new GatewayError("UNAVAILABLE", "the database does not answer", { retryAfterMs: 5_000, cause: error });
  }
  return { degraded: broker.isUp ? [] : ["redis"] };
});
