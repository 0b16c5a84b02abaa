import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure } from "./support/expect.ts";
import { companion, household } from "./support/people.ts";
import {
  acknowledge,
  frameOf,
  LTY_V1,
  push,
  pushMany,
  pushToDevice,
  quiet,
  range,
  reliable,
  seqs,
  standing,
  states,
  take,
  whereabouts,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";
import { within } from "./support/wait.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("a newer lty.v1 connection of the same device", () => {
  test("ends the older with 4009, and goes on where it stood", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 5);
    const older = await reliable(server, device);
    await take(older, 5);
    await acknowledge(older, 2);
    using newer = await reliable(server, device);
    expect(await older.ended()).toMatchObject({ code: 4009, reason: "replaced by a newer connection", frames: [] });
    expect(newer.greeting.acked).toBe(2);
    expect(seqs(await take(newer, 3))).toEqual([3, 4, 5]);
    await push(server, user, "next");
    expect(await newer.next()).toMatchObject({ seq: 6 });
  });

  test("does so whether a token of the device or of its owner opened either", async () => {
    const { user, device } = await household(server);
    const asOwner = { token: user.token, query: { role: "device", device: String(device.id) } };
    const first = await reliable(server, device);
    const second = await reliable(server, asOwner);
    expect((await first.ended()).code).toBe(4009);
    using _third = await reliable(server, device);
    expect((await second.ended()).code).toBe(4009);
  });

  test("is one, also when many come at once", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 2);
    const asOwner = { role: "device", device: String(device.id) };
    const first = await reliable(server, device);
    // Some look the device up, some have the log begin a new epoch: each takes a turn or two more.
    const ahead = { epoch: String(first.greeting.epoch), seq: "9", last: crypto.randomUUID() };
    const entries = range(1, 30).map((n): Introduction => {
      if (n % 3 === 0) return device;
      if (n % 3 === 1) return { token: user.token, query: asOwner };
      return { token: device.token, query: ahead };
    });
    const sockets = entries.map((entry) => TestSocket.knock(server.wsUrl, { ...entry, protocol: LTY_V1 }));
    const codes: number[] = [];
    const allButOne = Promise.withResolvers<void>();
    for (const socket of [first, ...sockets]) {
      void socket.closing.then(({ code }) => codes.push(code) === sockets.length && allButOne.resolve());
    }
    await within(allButOne.promise, "the end of all but one");
    expect(new Set(codes)).toEqual(new Set([4009]));
    const { message_id } = await push(server, user, "to the one");
    using last = await reliable(server, device);
    await take(last, 3);
    const closings = await Promise.all(sockets.map((socket) => socket.ended()));
    expect(closings.every(({ code }) => code === 4009)).toBe(true);
    expect(sockets.filter(({ received }) => received.some((text) => text.includes(message_id)))).toHaveLength(1);
  });

  test("leaves other devices, apps, and people of no role alone", async () => {
    const { user, device } = await household(server);
    const sibling = await companion(server, user, { is_primary: true });
    const others = [
      await reliable(server, sibling),
      await reliable(server, user),
      await reliable(server, { token: user.token, query: { role: "app", client_id: "phone" } }),
      await reliable(server, { token: user.token, query: { role: "app", client_id: "phone" } }),
    ];
    using _one = await reliable(server, device);
    using _two = await reliable(server, device);
    for (const app of others.slice(2)) {
      expect(await app.next()).toMatchObject({ type: "device_status", device_id: device.id, online: true });
    }
    for (const socket of others) {
      expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
      socket[Symbol.dispose]();
    }
  });

  test("neither ends clients of the original document nor is ended by them", async () => {
    const { user, device } = await household(server);
    using one = await TestSocket.open(server.wsUrl, device);
    using two = await TestSocket.open(server.wsUrl, device);
    using newer = await reliable(server, device);
    using three = await TestSocket.open(server.wsUrl, device);
    await push(server, user, "to all");
    for (const socket of [one, two, newer, three]) expect(await socket.next()).toMatchObject({ message: "to all" });
  });
});

describe("a device that changes hands", () => {
  test("starts at its new owner's top, and never gets what was the old owner's", async () => {
    const [{ user: alice, device }, { user: bob }] = [await household(server), await household(server)];
    await pushMany(server, alice, 3);
    await pushMany(server, bob, 4);
    const before = await reliable(server, device);
    const mine = await take(before, 3);
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id });
    const { code, frames } = await before.ended();
    expect([frames.map(({ type }) => type), code]).toEqual([["bye"], 1012]);

    // It says where it stood, which was in another log.
    const last = { seq: Number(mine[2]?.seq), message_id: String(mine[2]?.message_id) };
    using after = await reliable(server, { token: device.token, query: whereabouts(before, last) });
    expect(after.greeting).toMatchObject({
      user_id: String(bob.id),
      acked: 4,
      top: 4,
      consumer: `device:${device.id}`,
    });
    const { epoch } = after.greeting;
    expect(await after.next()).toMatchObject({ type: "reset", epoch, lost: { from: 1, to: 3 } });
    const first = await push(server, bob, "welcome");
    expect(await after.next()).toEqual(frameOf(first, "welcome"));
    await push(server, alice, "secret");
    expect(await quiet(after)).toEqual([]);
  });

  test("tells nobody else of its new owner's that anything was lost", async () => {
    const [{ user: alice, device }, { user: bob, device: bystander }] = [
      await household(server),
      await household(server),
    ];
    await pushMany(server, alice, 3);
    const [, , , theirs] = await pushMany(server, bob, 4);
    const before = await reliable(server, device);
    const [mine] = await take(before, 3);
    const other = await reliable(server, bystander);
    await take(other, 4);
    await acknowledge(other, 4);
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id });
    await before.ended();
    // Where it stood, in the other log: at a seq that this one has too, with another message at it.
    const last = { seq: Number(mine?.seq), message_id: String(mine?.message_id) };
    using _after = await reliable(server, { token: device.token, query: whereabouts(before, last) });

    using again = await reliable(server, {
      token: bystander.token,
      query: whereabouts(other, theirs ?? { seq: 0, message_id: "" }),
    });
    expect(again.greeting).toMatchObject({ epoch: other.greeting.epoch, acked: 4, resumed: true });
    expect(await quiet(again)).toEqual([]);
  });

  test("of a user without messages gets all that its new owner is sent from then on", async () => {
    const [{ device }, { user: bob }] = [await household(server), await household(server)];
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: bob.id });
    const first = await push(server, bob, "welcome");
    using socket = await reliable(server, device);
    expect(await socket.next()).toEqual(frameOf(first, "welcome"));
  });

  test("and comes back starts anew: acknowledgements from before its leave mean nothing", async () => {
    const [{ user: alice, device }, { user: bob }] = [await household(server), await household(server)];
    await pushMany(server, alice, 3);
    const pushed = await pushToDevice(server, device, "only for it");
    const rebind = (user_id: number | null) => server.data("PATCH", `/api/devices/${device.id}/`, { user_id });
    await rebind(bob.id);
    await rebind(alice.id);
    using socket = await reliable(server, device);
    expect(standing(socket)).toEqual({ consumer: `device:${device.id}`, acked: 4, top: 4, resumed: false });
    expect(await quiet(socket)).toEqual([]);
    expect(Object.keys(await states(server, pushed))).toContain(`device:${device.id}`);
  });
});

describe("a device that nobody owns", () => {
  test("has no log: a push to it is 409, and it gets what is pushed once it has an owner", async () => {
    const { user } = await household(server);
    const device = await companion(server);
    const path = `/api/devices/${device.id}/messages/`;
    const body = { type: "note", message: "nobody's" };
    expectFailure(await server.api("POST", path, { body }), 409, "DEVICE_NOT_BOUND");
    const waiting = await reliable(server, device);
    expectFailure(await server.api("POST", path, { body }), 409, "DEVICE_NOT_BOUND");
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: user.id });
    expect((await waiting.ended()).code).toBe(1012);
    const pushed = await pushToDevice(server, device, "mine");
    using socket = await reliable(server, device);
    expect(await socket.next()).toEqual(frameOf(pushed, "mine"));
  });

  test("is one again once it is unbound", async () => {
    const { device } = await household(server);
    await pushToDevice(server, device, "before");
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: null });
    const body = { type: "note", message: "after" };
    const answer = await server.api("POST", `/api/devices/${device.id}/messages/`, { body });
    expectFailure(answer, 409, "DEVICE_NOT_BOUND");
    using socket = await TestSocket.open(server.wsUrl, { token: device.token, protocol: LTY_V1 });
    expect(socket.greeting).toMatchObject({ user_id: null, consumer: null });
    expect(await quiet(socket)).toEqual([]);
  });
});
