import { describe, expect, test } from "bun:test";
import { Errors } from "@qy-lty/protocol";
import { startTestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";
import { routes } from "./routes.ts";

const start = () => startTestGateway({ transport: new MemoryTransport() });

describe("the routes", () => {
  test("have each a path of its own, which ends in a slash under /api/", () => {
    const names = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { path } of routes) expect(path).toMatch(/^\/(api\/[a-z/{}_-]+\/|[a-z]+)$/);
  });

  test("that are answered ahead of the router are the pushes", () => {
    const hot = routes.filter((route) => route.hot).map(({ method, path }) => `${method} ${path}`);
    expect(hot.toSorted()).toEqual([
      "post /api/broadcast/",
      "post /api/devices/{device_id}/messages/",
      "post /api/messages/",
      "post /api/users/{user_id}/messages/",
    ]);
  });
});

describe("the server", () => {
  test.each([
    ["POST", "/api/broadcast/x/", 404],
    ["POST", "/api/messages//", 404],
    ["POST", "/api/users/1/2/messages/", 404],
    ["POST", "/API/messages/", 404],
    ["GET", "/api/broadcast/", 405],
    ["PUT", "/api/users/1/", 405],
    ["GET", "/nowhere", 404],
    ["GET", "/ws/device/", 426],
    ["POST", "/ws/device/", 426],
    ["GET", "/ws/device/token/x", 426],
    ["GET", "/ws/other/", 404],
  ])("%s %s is %p", async (method, path, status) => {
    await using gateway = await start();
    const { token } = await gateway.person({ isAdmin: true });
    const answer = await gateway.http(method, path, { token, ...(method !== "GET" && { body: {} }) });
    expect(answer.status).toBe(status);
    const row = Object.values(Errors).find((error) => "status" in error && error.status === status);
    expect(answer.body).toMatchObject({ status: "error", message: row?.message });
    expect(answer.headers.get("x-request-id")).toBe(String(answer.body.request_id));
  });

  test("405 says what would be allowed", async () => {
    await using gateway = await start();
    const { headers } = await gateway.http("PUT", "/api/users/1/");
    expect(headers.get("allow")?.split(", ").toSorted()).toEqual(["DELETE", "GET", "PATCH"]);
  });

  test("the document is made once, and names every error", async () => {
    await using gateway = await start();
    const [first, second] = [await gateway.http("GET", "/openapi.json"), await gateway.http("GET", "/openapi.json")];
    expect(second.body).toEqual(first.body);
    const codes = JSON.stringify(first.body);
    for (const code of Object.keys(Errors)) expect(codes).toContain(`"${code}"`);
  });
});
