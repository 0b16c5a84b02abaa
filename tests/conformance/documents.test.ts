/** The generated contract and the AsyncAPI document, looked at as their readers do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Close, Errors, RESERVED_TYPES } from "@qy-lty/protocol";
import { skills } from "@qy-lty/server/skills/index.ts";
import asyncapi from "../../protocol/asyncapi.json" with { type: "json" };
import contract from "../../protocol/contract.json" with { type: "json" };
import { ROOT } from "../e2e/support/command.ts";
import { TestServer } from "../e2e/support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Every `$ref` of a document. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : references(inner)));
}

function resolve(document: unknown, reference: string): unknown {
  let found = document;
  for (const part of reference.slice("#/".length).split("/")) found = (found as Record<string, unknown>)?.[part];
  return found;
}

describe("contract.json", () => {
  test("holds every skill and its answer, every reserved type, error and close", () => {
    for (const { type, reply } of skills) {
      expect((contract.client as Record<string, unknown>)[type]).toMatchObject({ reply });
      expect(contract.server).toHaveProperty(reply);
    }
    expect(contract.reserved_types).toEqual([...RESERVED_TYPES]);
    const all: Record<string, unknown> = { ...contract.client, ...contract.server };
    expect([...RESERVED_TYPES].filter((type) => !(type in all))).toEqual([]);
    expect(Object.keys(contract.errors)).toEqual(Object.keys(Errors));
    expect(contract.closes.map(({ name }) => name)).toEqual(Object.keys(Close));
  });
});

describe("asyncapi.json", () => {
  test("is served as it stands in the repository, to everyone, and named on /docs", async () => {
    const { status, headers, body } = await server.api("GET", "/asyncapi.json", { token: null });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(body).toEqual(await Bun.file(join(ROOT, "protocol", "asyncapi.json")).json());
    expect((await server.api("GET", "/docs", { token: null })).text).toContain(
      'title="AsyncAPI" href="/asyncapi.json"',
    );
    const openapi = await server.api("GET", "/openapi.json", { token: null });
    expect((openapi.body.info as { description: string }).description).toContain("[AsyncAPI](/asyncapi.json)");
  });

  test("is AsyncAPI 3.0 whose references lead somewhere, and whose names are allowed", () => {
    expect(asyncapi.asyncapi).toBe("3.0.0");
    const all = references(asyncapi);
    expect(all.filter((reference) => resolve(asyncapi, reference) === undefined)).toEqual([]);
    for (const name of Object.keys(asyncapi.components.messages)) expect(name).toMatch(/^[\w.-]+$/);
  });

  test("has every frame of the contract in one operation, as a message or as a reply", () => {
    const used = new Set(references(asyncapi.operations).map((reference) => reference.split("/").at(-1)));
    const names = [...Object.keys(contract.client), ...Object.keys(contract.server)];
    expect(names.filter((name) => !used.has(name))).toEqual([]);
    expect(Object.keys(asyncapi.components.messages).toSorted()).toEqual(names.toSorted());
  });
});
