import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway } from "@qy-lty/testkit";
import { MemoryTransport } from "../transport/memory.ts";

/** A gateway whose look-ups of credentials are counted. */
async function start() {
  const clock = new ManualClock();
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
  const { credentials } = gateway.store;
  const find = credentials.findByHash;
  let reads = 0;
  credentials.findByHash = (hash) => {
    reads += 1;
    return find(hash);
  };
  const status = async (token: string) => (await gateway.http("GET", "/api/online-users/", { token })).status;
  return { gateway, clock, status, reads: () => reads };
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a credential over HTTP", () => {
  test("is looked up once", async () => {
    const { gateway, status, reads } = await start();
    await using _gateway = gateway;
    const { token } = await gateway.person();
    for (let i = 0; i < 5; i++) expect(await status(token)).toBe(200);
    expect(reads()).toBe(1);
  });

  test.each([
    ["its token revoked", (gateway: Started, _id: number) => gateway.store.tokens.revoke(1)],
    ["its user disabled", (gateway: Started, id: number) => gateway.store.users.change(id, { isActive: false })],
    ["its user erased", (gateway: Started, id: number) => gateway.store.users.erase(id)],
  ])("is refused within a poll of %s by another process", async (_, change) => {
    const { gateway, clock, status } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    expect(await status(token)).toBe(200);
    await change(gateway, id);
    clock.advance(250);
    await settle();
    expect(await status(token)).toBe(401);
  });

  test("that was refused is looked up again, and good as soon as it is", async () => {
    const { gateway, status } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    await gateway.store.users.change(id, { isActive: false });
    expect(await status(token)).toBe(401);
    await gateway.store.users.change(id, { isActive: true });
    expect(await status(token)).toBe(200);
  });

  test("expires while it is remembered", async () => {
    const { gateway, clock, status } = await start();
    await using _gateway = gateway;
    const token = await gateway.token({ user: (await gateway.user()).id }, 10_000);
    expect(await status(token)).toBe(200);
    clock.advance(9_999);
    expect(await status(token)).toBe(200);
    clock.advance(1);
    expect(await status(token)).toBe(401);
  });

  test("becomes an admin's as soon as its user does", async () => {
    const { gateway, clock } = await start();
    await using _gateway = gateway;
    const { id, token } = await gateway.person();
    const status = async () => (await gateway.http("PATCH", `/api/users/${id}/`, { token, body: {} })).status;
    expect(await status()).toBe(403);
    await gateway.store.users.change(id, { isAdmin: true });
    clock.advance(250);
    await settle();
    expect(await status()).toBe(200);
    await gateway.store.users.change(id, { isAdmin: false });
    clock.advance(250);
    await settle();
    expect(await status()).toBe(403);
  });
});

type Started = Awaited<ReturnType<typeof start>>["gateway"];
