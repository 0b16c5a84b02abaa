import { z } from "@hono/zod-openapi";
import { defineRoute } from "./route.ts";

const figures = {
  count: z.int(),
  errors: z.int().openapi({ description: "How many of them were answered with an error, whosever fault it was." }),
  p50_ms: z.number(),
  p95_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
};

export const readPerformance = defineRoute({
  method: "get",
  path: "/api/performance/",
  tag: "Monitoring",
  summary: "How long this process took for what it was asked, since its start and the last 100 times",
  may: [],
  data: z.object({
    operations: z.array(
      z.object({
        operation: z.string().openapi({ description: "A message type, or a method and path." }),
        ...figures,
        recent: z.object(figures),
      }),
    ),
  }),
}).handle((_input, _asker, { events }) => ({
  operations: Array.from(events.operations.used(), (operation) => operation.report()),
}));

export const readMetrics = defineRoute({
  method: "get",
  path: "/metrics",
  tag: "Monitoring",
  summary: "Metrics in the text format of Prometheus. Open to requests made on the machine itself",
  may: [],
  openOnLoopback: true,
  answers: "text/plain",
  data: z.string(),
}).handle(async (_input, _asker, { metrics }) => {
  const headers = { "content-type": metrics.contentType, "cache-control": "no-store" };
  return new Response(await metrics.text(), { headers });
});
