import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Env } from "hono";
import { API_PAGE_SCRIPT } from "./api-page-script.ts";
import { asyncApi } from "./asyncapi.ts";

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>qy-lty API</title>
    <link rel="icon" href="data:,">
    <link rel="alternate" type="application/json" title="OpenAPI" href="/openapi.json">
    <link rel="alternate" type="application/json" title="AsyncAPI" href="/asyncapi.json">
  </head>
  <body>
    <div id="app"></div>
    <script src="/docs/scalar.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const START = `Scalar.createApiReference("#app", {
  url: "/openapi.json",
  servers: [{ url: location.origin }],
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: "never",
});
`;

const SCRIPT_HEADERS = { "content-type": "text/javascript; charset=utf-8", "x-content-type-options": "nosniff" };

/** `/docs`, and the documents behind it: `document` is that of the HTTP API. */
export function docsPages<E extends Env>(router: OpenAPIHono<E>, document: () => object): void {
  let openapi: string | undefined;
  router.get("/openapi.json", (context) => {
    openapi ??= JSON.stringify(document());
    return context.body(openapi, 200, { "content-type": "application/json; charset=utf-8" });
  });
  let asyncapi: string | undefined;
  router.get("/asyncapi.json", (context) => {
    asyncapi ??= JSON.stringify(asyncApi());
    return context.body(asyncapi, 200, { "content-type": "application/json; charset=utf-8" });
  });
  router.get("/docs", (context) =>
    context.body(PAGE, 200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "x-content-type-options": "nosniff",
    }),
  );
  router.get("/docs/start.js", (context) => context.body(START, 200, SCRIPT_HEADERS));
  // Served from here: nothing is loaded from elsewhere.
  router.get("/docs/scalar.js", () => new Response(Bun.file(API_PAGE_SCRIPT), { headers: SCRIPT_HEADERS }));
}
