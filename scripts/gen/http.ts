import { OpenAPIHono } from "@hono/zod-openapi";
import { documentRoute, OPENAPI_INFO } from "@qy-lty/server/http/openapi.ts";
import type { Caller, Route } from "@qy-lty/server/http/route.ts";
import { routes } from "@qy-lty/server/http/routes.ts";
import { code, heading, type Page, parts, table } from "./page.ts";
import { type Definitions, type JsonSchema, memberTable } from "./schema.ts";

export const httpPage: Page = {
  file: "http.md",
  render: () => {
    const document = openApi();
    const tags = [...new Set(inOrder.map((route) => route.tag))];
    return parts(
      heading("HTTP", "`server/src/http/`"),
      "JSON in, JSON out. The credential goes into a header, `Authorization: Bearer <token>` (or `Token <token>`). A trailing slash may be left out. A body may be 64 KiB long. An id is a positive integer, or a string of digits.",
      'A success is `{"status":"success","message":…,"data":…}`; the tables show `data`. A failure is `{"status":"error","message":…,"code":…,"request_id":…}` with a status of [the error table](errors.md). A list is `data.items` and `data.total`.',
      "The server serves the same as OpenAPI 3.1 at `/openapi.json`, and as a page to try it on at `/docs`; what is said [over the WebSocket](frames.md), as AsyncAPI 3.0 at `/asyncapi.json`.",
      "## Who may",
      WHO_MAY,
      matrix(),
      ...tags.flatMap((tag) => [
        `## ${tag}`,
        ...inOrder.filter((route) => route.tag === tag).map((route) => routeSection(route, document)),
      ]),
    );
  },
};

const METHODS: readonly Route["method"][] = ["get", "post", "patch", "delete"];

/** By resource, then by path, then reading before writing before erasing. */
const inOrder = [...routes].sort(
  (a, b) => byResource(a, b) || a.path.localeCompare(b.path) || METHODS.indexOf(a.method) - METHODS.indexOf(b.method),
);

function byResource(a: Route, b: Route): number {
  const first = ({ tag }: Route) => routes.findIndex((route) => route.tag === tag);
  return first(a) - first(b);
}

const CALLERS: readonly Caller[] = ["user", "device", "service", "issuer"];
const WHO_MAY =
  "`admin` is a user who is an administrator; `issuer` is a service that may also issue tokens. A user and a device reach what is theirs: another owner's id is answered 404, and a list shows what is theirs. A route that the caller may never use is answered 403.";

function matrix(): string {
  const yes = (may: boolean) => (may ? "yes" : "");
  return table(
    ["route", "anyone", "admin", "user", "device", "service", "issuer"],
    inOrder.map(({ method, path, may }) => [
      `${method.toUpperCase()} ${code(path)}`,
      yes(may === "anyone"),
      "yes",
      ...CALLERS.map((caller) =>
        yes(may === "anyone" || may.includes(caller) || (caller === "issuer" && may.includes("service"))),
      ),
    ]),
  );
}

/** The parts of an OpenAPI document that the page shows. */
interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly schema: JsonSchema } } };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Definitions };
}

/** Made as the server makes it. */
function openApi(): Document {
  const router = new OpenAPIHono();
  for (const route of routes) router.openAPIRegistry.registerPath(documentRoute(route));
  return router.getOpenAPI31Document(OPENAPI_INFO) as unknown as Document;
}

function routeSection(route: Route, { paths, components: { schemas } }: Document): string {
  const operation = paths[route.path]?.[route.method];
  if (operation === undefined) throw new Error(`${route.method} ${route.path} is not in the OpenAPI document`);
  const status = String(route.status ?? 200);
  const data = operation.responses[status]?.content["application/json"]?.schema.properties?.data ?? {};
  const query = operation.parameters?.filter((parameter) => parameter.in === "query") ?? [];
  const body = operation.requestBody?.content["application/json"].schema;
  const says = route.says === undefined ? "" : `, with the message \`${route.says}\``;
  const answer = memberTable(data, "answer", schemas);
  return parts(
    `### ${route.method.toUpperCase()} ${route.path}`,
    `${route.summary}.`,
    query.length === 0 ? "" : `In the query:\n\n${memberTable(asObject(query), "request", schemas)}`,
    body === undefined ? "" : `In the body:\n\n${memberTable(body, "request", schemas)}`,
    route.answers !== undefined
      ? `Answers ${status}, and ${code(route.answers)}.`
      : answer === ""
        ? `Answers ${status}${says}.`
        : `Answers ${status}${says}, and \`data\`:\n\n${answer}`,
  );
}

function asObject(parameters: NonNullable<Operation["parameters"]>): JsonSchema {
  return {
    properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
    required: parameters.filter((parameter) => parameter.required).map(({ name }) => name),
  };
}
