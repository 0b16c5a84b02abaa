import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { person } from "./support/people.ts";
import {
  acknowledge,
  app,
  frameOf,
  push,
  pushMany,
  quiet,
  range,
  seqs,
  standing,
  states,
  take,
  whereabouts,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

/** Most apps a user has. */
const MAX_APPS = 32;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("an app that names itself", () => {
  test("starts at the top when it is first seen, and misses nothing from then on", async () => {
    const user = await person(server);
    await pushMany(server, user, 3);
    {
      using first = await app(server, user, "phone");
      expect(standing(first)).toEqual({ consumer: `app:${user.id}:phone`, acked: 3, top: 3, resumed: false });
      expect(await quiet(first)).toEqual([]);
    }
    const away = await push(server, user, "while it was away");
    using again = await app(server, user, "phone");
    expect(standing(again)).toEqual({ consumer: `app:${user.id}:phone`, acked: 3, top: 4, resumed: false });
    expect(await again.next()).toEqual(frameOf(away, "while it was away"));
  });

  test("starts at the top also when it is killed before anything was pushed", async () => {
    const user = await person(server);
    (await app(server, user, "phone"))[Symbol.dispose]();
    await server.restart("SIGKILL");
    const first = await push(server, user, "first");
    using again = await app(server, user, "phone");
    expect(await again.next()).toMatchObject({ message_id: first.message_id });
  });

  test("has a cursor of its own, beside the user's other apps and other users' apps of that name", async () => {
    const [alice, bob] = await Promise.all([person(server), person(server)]);
    using phone = await app(server, alice, "phone");
    using tablet = await app(server, alice, "tablet");
    using hers = await app(server, bob, "phone");
    const pushed = await push(server, alice, "to alice");
    for (const socket of [phone, tablet]) expect(await socket.next()).toEqual(frameOf(pushed, "to alice"));
    await acknowledge(phone, 1);
    expect(await states(server, pushed)).toEqual({
      [`app:${alice.id}:phone`]: "acknowledged",
      [`app:${alice.id}:tablet`]: "delivered",
    });
    expect(await quiet(hers)).toEqual([]);
  });

  test("on two connections is one, at the least of what they acknowledged", async () => {
    const user = await person(server);
    using one = await app(server, user, "phone");
    const two = await app(server, user, "phone");
    await pushMany(server, user, 4);
    for (const socket of [one, two]) expect(seqs(await take(socket, 4))).toEqual(range(1, 4));
    await acknowledge(one, 4);
    await acknowledge(two, 2);
    two.close();
    await two.ended();
    using next = await app(server, user, "phone");
    expect(next.greeting.acked).toBe(2);
    expect((await take(next, 2)).map(({ seq, redelivered }) => [seq, redelivered])).toEqual([
      [3, true],
      [4, true],
    ]);
    expect(await quiet(one)).toEqual([]);
  });

  test("may be one of the original document's protocol too: its pongs acknowledge", async () => {
    const user = await person(server);
    const query = { role: "app", client_id: "old" };
    using socket = await TestSocket.open(server.wsUrl, { token: user.token, query });
    const pushed = await push(server, user, "hello");
    expect(await socket.next()).not.toHaveProperty("seq");
    await quiet(socket);
    expect(await states(server, pushed)).toEqual({ [`app:${user.id}:old`]: "acknowledged" });
  });
});

describe("of a user's apps", () => {
  test("the 33rd drops the one that was not seen for longest, which is told so when it returns", async () => {
    const user = await person(server);
    const [oldest = { message_id: "" }] = await pushMany(server, user, 2);
    const names = range(1, MAX_APPS).map((n) => `app-${n}`);
    for (const name of names) {
      const socket = await app(server, user, name);
      socket.close();
      await socket.ended();
      // Written one by one, so that each was seen at a moment of its own.
      await states(server, oldest);
    }
    // The first one comes by once more: the second is now the one away for longest.
    const first = await app(server, user, "app-1");
    await acknowledge(first, 2);
    first.close();
    await first.ended();
    const pushed = await push(server, user, 3);
    const known = Object.keys(await states(server, pushed));
    expect(known.toSorted()).toEqual(names.map((name) => `app:${user.id}:${name}`).toSorted());

    using _another = await app(server, user, "app-33");
    const left = Object.keys(await states(server, pushed));
    expect(left).toHaveLength(MAX_APPS);
    expect(known.filter((name) => !left.includes(name))).toEqual([`app:${user.id}:app-2`]);

    await pushMany(server, user, 3);
    using back = await app(server, user, "app-2", whereabouts(first, pushed));
    expect(standing(back)).toMatchObject({ acked: 6, top: 6, resumed: false });
    expect(await back.next()).toEqual({
      type: "reset",
      epoch: back.greeting.epoch,
      lost: { from: 4, to: 6 },
      timestamp: expect.any(String),
    } as never);
    expect(await quiet(back)).toEqual([]);
  });

  test("those that are connected are not dropped by their age", async () => {
    const user = await person(server);
    const sockets: TestSocket[] = [];
    for (const n of range(1, MAX_APPS)) sockets.push(await app(server, user, `app-${n}`));
    const pushed = await pushMany(server, user, 1);
    for (const socket of sockets) {
      expect(seqs([await socket.next()])).toEqual([1]);
      await acknowledge(socket, 1);
      socket[Symbol.dispose]();
    }
    expect(Object.values(await states(server, pushed[0] ?? { message_id: "" }))).toEqual(
      range(1, MAX_APPS).map(() => "acknowledged"),
    );
  });
});
