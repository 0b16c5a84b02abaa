import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure, timestamp } from "./support/expect.ts";
import { companion, person } from "./support/people.ts";
import { acknowledge, app, push, pushMany, pushToDevice, range, reliable, states, take } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("GET /api/messages/{message_id}/", () => {
  test("follows a message from pending over delivered to acknowledged, in every part", async () => {
    const user = await person(server);
    const device = await companion(server, user);
    const pushed = await push(server, user, "hello", { ttl: 60 });
    const read = () => server.data("GET", `/api/messages/${pushed.message_id}/`);
    const common = {
      message_id: pushed.message_id,
      user_id: user.id,
      seq: 1,
      type: "note",
      created_at: timestamp,
      expires_at: timestamp,
    };
    const consumer = `device:${device.id}`;
    const told = await read();
    expect(told).toEqual({
      ...common,
      consumers: [{ consumer, state: "pending", delivered_at: null, acknowledged_at: null }],
    });
    expect(Date.parse(String(told.expires_at)) - Date.parse(String(told.created_at))).toBe(60_000);

    using socket = await reliable(server, device);
    await socket.next();
    expect(await read()).toEqual({
      ...common,
      consumers: [{ consumer, state: "delivered", delivered_at: timestamp, acknowledged_at: null }],
    });
    await acknowledge(socket, 1);
    const done = await read();
    expect(done).toEqual({
      ...common,
      consumers: [{ consumer, state: "acknowledged", delivered_at: timestamp, acknowledged_at: timestamp }],
    });
    const [{ delivered_at, acknowledged_at } = {}] = done.consumers as Record<string, string>[];
    expect(Date.parse(String(acknowledged_at))).toBeGreaterThanOrEqual(Date.parse(String(delivered_at)));
  });

  test("still knows the state after a restart, though no longer when", async () => {
    const user = await person(server);
    const device = await companion(server, user);
    const [first, second] = await pushMany(server, user, 2);
    const socket = await reliable(server, device);
    await take(socket, 2);
    await acknowledge(socket, 1);
    const read = async (message_id = "") =>
      (await server.data("GET", `/api/messages/${message_id}/`)).consumers as Record<string, unknown>[];
    await read(first?.message_id);
    await server.restart("SIGKILL");
    const nothing = { delivered_at: null, acknowledged_at: null };
    expect(await read(first?.message_id)).toMatchObject([{ state: "acknowledged", ...nothing }]);
    expect(await read(second?.message_id)).toMatchObject([{ state: "delivered", ...nothing }]);
  });

  test("has one line for each consumer, also those for whom it is not", async () => {
    const user = await person(server);
    const [mine, other] = await Promise.all([companion(server, user, { is_primary: true }), companion(server, user)]);
    const sockets = [
      await reliable(server, mine),
      await reliable(server, other),
      await reliable(server, user),
      await app(server, user, "phone"),
    ];
    const all = await push(server, user, "for all");
    const one = await pushToDevice(server, mine, "for one");
    for (const socket of sockets) {
      await take(socket, 2);
      await acknowledge(socket, 2);
      socket[Symbol.dispose]();
    }
    const [device, sibling, roleless, phone] = [
      `device:${mine.id}`,
      `device:${other.id}`,
      `user:${user.id}`,
      `app:${user.id}:phone`,
    ];
    const [acknowledged, filtered] = ["acknowledged", "filtered"];
    expect(await states(server, all)).toEqual({
      [device]: acknowledged,
      [sibling]: acknowledged,
      [roleless]: acknowledged,
      [phone]: acknowledged,
    });
    expect(await states(server, one)).toEqual({
      [device]: acknowledged,
      [sibling]: filtered,
      [roleless]: acknowledged,
      [phone]: filtered,
    });
  });

  test("is its user's, and a service's; to others it is not there, nor is what never was", async () => {
    const [alice, bob] = await Promise.all([person(server), person(server)]);
    const { message_id } = await push(server, alice, "hers");
    const path = `/api/messages/${message_id}/`;
    expect((await server.api("GET", path, { token: alice.token })).status).toBe(200);
    expectFailure(await server.api("GET", path, { token: bob.token }), 404, "NOT_FOUND");
    expectFailure(await server.api("GET", `/api/messages/${crypto.randomUUID()}/`), 404, "NOT_FOUND");
    expectFailure(await server.api("GET", "/api/messages/7/"), 422, "INVALID_VALUE");
    const device = await companion(server, alice);
    expectFailure(await server.api("GET", path, { token: device.token }), 403, "FORBIDDEN");
  });

  test("of an erased user is not there any more", async () => {
    const user = await person(server);
    const { message_id } = await push(server, user, "gone");
    await server.data("DELETE", `/api/users/${user.id}/`);
    expectFailure(await server.api("GET", `/api/messages/${message_id}/`), 404, "NOT_FOUND");
  });
});

describe("a quota", () => {
  test("refuses (507) what would pass 16 MiB that nobody acknowledged, and loses nothing of what it took", async () => {
    const user = await person(server);
    const device = await companion(server, user);
    const text = "x".repeat(60_000);
    const body = { type: "note", message: text, user_id: user.id };
    const accepted: string[] = [];
    let refused = 0;
    while (refused === 0 && accepted.length < 400) {
      const answers = await Promise.all(range(1, 20).map(() => server.api("POST", "/api/messages/", { body })));
      for (const answer of answers) {
        if (answer.status === 200) accepted.push(String((answer.body.data as { message_id: string }).message_id));
        else {
          expectFailure(answer, 507, "QUOTA_EXCEEDED");
          refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(accepted.length * 60_000).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect((accepted.length + 1) * 60_200).toBeGreaterThan(16 * 1024 * 1024);
    // Other users have a quota of their own, and what is kept nowhere needs none.
    await push(server, await person(server), text);
    await push(server, user, text, { ttl: 0 });

    using socket = await reliable(server, device);
    const received: string[] = [];
    for (let seq = 1; seq <= accepted.length; seq++) {
      const frame = await socket.next();
      expect([frame.seq, frame.message === text]).toEqual([seq, true]);
      received.push(String(frame.message_id));
      socket.send({ type: "ack", seq });
    }
    expect(received.toSorted()).toEqual(accepted.toSorted());
    // There is room again, as soon as the acknowledgements are written.
    await states(server, { message_id: received.at(-1) ?? "" });
    const next = await push(server, user, text);
    expect(next.seq).toBe(accepted.length + 1);
    expect(await socket.next()).toMatchObject({ seq: next.seq });
  }, 120_000);
});
