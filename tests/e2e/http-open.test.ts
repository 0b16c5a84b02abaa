import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { routes } from "@qy-lty/server/http/routes.ts";
import { expectFailure, expectSuccess } from "./support/expect.ts";
import { FROM_ELSEWHERE } from "./support/permissions.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Without a credential. */
const get = (path: string) => server.api("GET", path, { token: null });

describe("open to everyone:", () => {
  test("/healthz", async () => expect(expectSuccess(await get("/healthz"))).toEqual({}));

  test("/readyz, with what is missing", async () =>
    expect(expectSuccess(await get("/readyz"))).toEqual({ degraded: [] }));

  test("/openapi.json, with every route and how it is secured", async () => {
    const { status, body } = await get("/openapi.json");
    expect(status).toBe(200);
    expect(body.openapi).toStartWith("3.1");
    const paths = body.paths as Record<string, Record<string, { security?: unknown }>>;
    for (const { method, path, may } of routes) {
      const operation = paths[path]?.[method];
      expect(operation).toBeDefined();
      expect(operation?.security).toEqual(may === "anyone" ? [] : undefined);
    }
    expect(body.security).toEqual([{ token: [] }]);
  });

  test("/docs, which loads nothing from elsewhere", async () => {
    const { status, headers, text } = await get("/docs");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("text/html");
    expect(headers.get("content-security-policy")).toStartWith("default-src 'none'; script-src 'self'");
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    for (const [, script = ""] of text.matchAll(/src="([^"]+)"/g)) {
      const answer = await get(script);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toStartWith("text/javascript");
    }
  });

  test("nothing else", async () => {
    const open = routes.filter(({ may }) => may === "anyone").map(({ path }) => path);
    for (const { method, path } of routes.filter((route) => !open.includes(route.path))) {
      const answer = await server.api(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "1"), {
        token: null,
        headers: FROM_ELSEWHERE,
      });
      expectFailure(answer, 401, "UNAUTHENTICATED");
    }
  });
});

test("a credential that is no good does no harm where none is asked for", async () => {
  expectSuccess(await server.api("GET", "/healthz", { token: "nonsense" }));
});
