import { z } from "@hono/zod-openapi";
import { listOf, moment, paging, toIso } from "./fields.ts";
import { defineRoute } from "./route.ts";

const AuditItem = z
  .object({
    id: z.int(),
    at: moment(),
    who: z.string().openapi({ description: "`user:1`, `service:2`, or `cli` for the command line." }),
    what: z.string().openapi({ example: "token revoked" }),
    subject: z.looseObject({}).openapi({ description: "Ids and names of fields, never values." }),
    request_id: z.string().nullable(),
  })
  .openapi("AuditEntry");

export const listAudit = defineRoute({
  method: "get",
  path: "/api/audit/",
  tag: "Monitoring",
  summary: "Who changed what, newest first",
  may: [],
  query: paging,
  data: listOf(AuditItem),
}).handle(async ({ query }, _asker, { store }) => {
  const { items, total } = await store.audit.list(query);
  return {
    items: items.map(({ at, requestId, ...entry }) => ({ ...entry, at: toIso(at), request_id: requestId })),
    total,
  };
});
