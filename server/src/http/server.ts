import { OpenAPIHono } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { parseEndpoint } from "../auth/credentials.ts";
import { errorResponse } from "./answer.ts";
import { docsPages } from "./docs.ts";
import { execute, failure } from "./execute.ts";
import { createIdentify, type Identify } from "./identify.ts";
import { documentRoute, OPENAPI_INFO } from "./openapi.ts";
import type { HttpEnvironment, Route } from "./route.ts";
import { routes } from "./routes.ts";

/** Everything that is spoken over HTTP. Push routes are answered ahead of the router, by the same schemas and handlers. */
export class HttpServer {
  readonly #router: OpenAPIHono;
  readonly #hot: readonly { readonly route: Route; readonly pattern: RegExp }[];
  readonly #identify: Identify;

  constructor(private readonly environment: HttpEnvironment) {
    this.#identify = createIdentify(environment.authenticator, environment.authority, environment.clock);
    this.#hot = routes.filter((route) => route.hot).map((route) => ({ route, pattern: toPattern(route.path) }));
    this.#router = this.#buildRouter();
  }

  fetch(request: Request): Response | Promise<Response> {
    const hot = request.method === "POST" ? this.#matchHot(pathOf(request.url)) : undefined;
    if (hot !== undefined) return execute(hot.route, request, hot.params, this.#identify, this.environment);
    return this.#router.fetch(request);
  }

  #matchHot(path: string): { route: Route; params: Readonly<Record<string, string>> } | undefined {
    for (const { route, pattern } of this.#hot) {
      const match = pattern.exec(path);
      if (match !== null) return { route, params: match.groups ?? {} };
    }
    return undefined;
  }

  #buildRouter(): OpenAPIHono {
    const router = new OpenAPIHono({ strict: false });
    const methods = new Map<string, string[]>();
    for (const route of routes) {
      const path = withoutSlash(route.path).replace(/\{(\w+)\}/g, ":$1");
      methods.set(path, [...(methods.get(path) ?? []), route.method.toUpperCase()]);
      router.on(route.method.toUpperCase(), path, (context) =>
        execute(route, context.req.raw, context.req.param(), this.#identify, this.environment),
      );
      router.openAPIRegistry.registerPath(documentRoute(route));
    }
    router.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
    docsPages(router, () => router.getOpenAPI31Document(OPENAPI_INFO));
    for (const [path, allowed] of methods) {
      router.all(path, () =>
        errorResponse(new GatewayError("METHOD_NOT_ALLOWED"), undefined, { allow: allowed.join(", ") }),
      );
    }
    router.notFound((context) => {
      const isSocket = parseEndpoint(new URL(context.req.url).pathname) !== null;
      return isSocket
        ? errorResponse(new GatewayError("UPGRADE_REQUIRED"), undefined, {
            upgrade: "websocket",
            connection: "Upgrade",
          })
        : errorResponse(new GatewayError("NOT_FOUND"));
    });
    router.onError((error) => failure(error, this.environment));
    return router;
  }
}

/** The path of an absolute URL, without parsing the whole of it. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const mark = url.indexOf("?", start);
  return mark < 0 ? url.slice(start) : url.slice(start, mark);
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${withoutSlash(path).replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}/?$`);
}
