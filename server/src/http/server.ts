import { OpenAPIHono } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { parseEndpoint } from "../auth/credentials.ts";
import { newId } from "../platform/ids.ts";
import { REQUEST_ID } from "./answer.ts";
import { docsPages } from "./docs.ts";
import { type Endpoint, execute, failure, type Shell } from "./execute.ts";
import { createIdentify } from "./identify.ts";
import { documentRoute, OPENAPI_INFO } from "./openapi.ts";
import type { HttpEnvironment, Route } from "./route.ts";
import { routes } from "./routes.ts";

/** What goes through the router beside the request. */
interface ServerEnv {
  readonly Bindings: { peer(): string };
}

type Router = OpenAPIHono<ServerEnv>;

const NO_PARAMS = Object.freeze({});

/** Everything that is spoken over HTTP. Push routes are answered ahead of the router, by the same schemas and handlers. */
export class HttpServer {
  readonly #router: Router;
  /** Hot routes whose path holds no parameter, by it, with the slash at its end and without. */
  readonly #hotPaths = new Map<string, Endpoint>();
  /** Those whose path does. */
  readonly #hotPatterns: readonly (Endpoint & { readonly pattern: RegExp })[];
  readonly #shell: Shell;

  constructor(private readonly environment: HttpEnvironment) {
    const { authenticator, authority, clock } = environment;
    this.#shell = { identify: createIdentify(authenticator, authority, clock), environment };
    const hot = routes.filter((route) => route.hot).map((route) => this.#endpoint(route));
    for (const endpoint of hot.filter(({ route }) => route.params === undefined)) {
      const { path } = endpoint.route;
      for (const same of [path, withoutSlash(path)]) this.#hotPaths.set(same, endpoint);
    }
    this.#hotPatterns = hot
      .filter(({ route }) => route.params !== undefined)
      .map((endpoint) => ({ ...endpoint, pattern: toPattern(endpoint.route.path) }));
    this.#router = this.#buildRouter();
  }

  /** `peer` finds the address of the other end of the TCP connection. */
  fetch(request: Request, peer: () => string): Response | Promise<Response> {
    const response = this.#answer(request, peer);
    if (!this.environment.isDraining()) return response;
    return response instanceof Promise ? response.then(last) : last(response);
  }

  #answer(request: Request, peer: () => string): Response | Promise<Response> {
    const hot = request.method === "POST" ? this.#executeHot(request, peer) : undefined;
    if (hot !== undefined) return hot;
    const response = this.#router.fetch(request, { peer });
    return response instanceof Promise ? response.then(identified) : identified(response);
  }

  #executeHot(request: Request, peer: () => string): Promise<Response> | undefined {
    const path = pathOf(request.url);
    const named = this.#hotPaths.get(path);
    if (named !== undefined) return execute(named, { request, params: NO_PARAMS, peer }, this.#shell);
    for (const endpoint of this.#hotPatterns) {
      const match = endpoint.pattern.exec(path);
      if (match !== null) return execute(endpoint, { request, params: match.groups ?? {}, peer }, this.#shell);
    }
    return undefined;
  }

  #endpoint(route: Route): Endpoint {
    const name = `${route.method.toUpperCase()} ${route.path}`;
    return { route, operation: this.environment.events.operations.named(name) };
  }

  /** The response to what is no route, and what else it says. */
  #refuse(error: GatewayError, extra: Readonly<Record<string, string>> = {}): Response {
    const response = failure(error, newId(), this.environment);
    for (const [name, value] of Object.entries(extra)) response.headers.set(name, value);
    return response;
  }

  #buildRouter(): Router {
    const router = new OpenAPIHono<ServerEnv>({ strict: false });
    const methods = new Map<string, string[]>();
    for (const route of routes) {
      const path = withoutSlash(route.path).replace(/\{(\w+)\}/g, ":$1");
      methods.set(path, [...(methods.get(path) ?? []), route.method.toUpperCase()]);
      const endpoint = this.#endpoint(route);
      router.on(route.method.toUpperCase(), path, ({ req, env: { peer } }) =>
        execute(endpoint, { request: req.raw, params: req.param(), peer }, this.#shell),
      );
      router.openAPIRegistry.registerPath(documentRoute(route));
    }
    router.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
    docsPages(router, () => router.getOpenAPI31Document(OPENAPI_INFO));
    for (const [path, allowed] of methods) {
      router.all(path, () => this.#refuse(new GatewayError("METHOD_NOT_ALLOWED"), { allow: allowed.join(", ") }));
    }
    router.notFound((context) => {
      const isSocket = parseEndpoint(new URL(context.req.url).pathname) !== null;
      return isSocket
        ? this.#refuse(new GatewayError("UPGRADE_REQUIRED"), { upgrade: "websocket", connection: "Upgrade" })
        : this.#refuse(new GatewayError("NOT_FOUND"));
    });
    router.onError((error) => failure(error, newId(), this.environment));
    return router;
  }
}

/** While the server drains, whoever asks again is to ask another. */
function last(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}

/** Pages that are no routes get their request id here. */
function identified(response: Response): Response {
  if (!response.headers.has(REQUEST_ID)) response.headers.set(REQUEST_ID, newId());
  return response;
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
