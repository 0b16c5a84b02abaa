import { describe, expect, test } from "bun:test";
import { ManualClock, startTestGateway, type TestSocket } from "@qy-lty/testkit";
import type { Registry } from "../session/registry.ts";
import type { Devices } from "../store/devices.ts";
import type { AuthorityChange } from "../store/store.ts";
import { MemoryTransport } from "../transport/memory.ts";
import { Authority } from "./authority.ts";
import type { Refusals } from "./refusals.ts";

const REVOKED = { code: 4010, reason: "credential revoked" };
const REBOUND = { code: 1012, reason: "device binding changed" };

/**
 * Anna with her primary speaker and a second, connected in every way there is; Ben, who is none of it. Changes are made
 * in the database alone, as another process makes them.
 */
async function household() {
  const clock = new ManualClock();
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock });
  const anna = await gateway.person();
  const ben = await gateway.person();
  const speaker = await gateway.device({ userId: anna.id, isPrimary: true });
  const second = await gateway.device({ userId: anna.id });
  const deviceToken = await gateway.token({ device: speaker.id });
  // The server has seen all of that, before anybody connects.
  clock.advance(250);
  await new Promise<void>((resolve) => setImmediate(resolve));
  const sockets = {
    user: await gateway.enter(anna.token),
    app: await gateway.enter(anna.token, "role=app"),
    asDevice: await gateway.enter(anna.token, `role=device&device=${speaker.id}`),
    asSecond: await gateway.enter(anna.token, `role=device&device=${second.id}`),
    device: await gateway.enter(deviceToken),
    ben: await gateway.enter(ben.token),
  };
  return { clock, gateway, store: gateway.store, anna, ben, speaker, second, sockets };
}

type Household = Awaited<ReturnType<typeof household>>;
type Ends = Partial<Record<keyof Household["sockets"], { code: number; reason: string }>>;

/** The sockets named have ended like that within a poll; the others are as they were. */
async function expectEnds({ clock, sockets }: Household, ends: Ends): Promise<void> {
  clock.advance(250);
  for (const [name, socket] of Object.entries(sockets) as [keyof Ends, TestSocket][]) {
    const end = ends[name];
    if (end === undefined) expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    else expect([name, await socket.closed]).toEqual([name, end]);
  }
}

describe("a change made elsewhere ends the connections that it concerns, and no other", () => {
  const cases: [string, (home: Household) => Promise<unknown>, Ends][] = [
    [
      "a user's token revoked",
      async ({ store }) => store.tokens.revoke(1),
      { user: REVOKED, app: REVOKED, asDevice: REVOKED, asSecond: REVOKED },
    ],
    ["a device's token revoked", async ({ store }) => store.tokens.revoke(3), { device: REVOKED }],
    [
      "a user disabled",
      ({ store, anna }) => store.users.change(anna.id, { isActive: false }),
      { user: REVOKED, app: REVOKED, asDevice: REVOKED, asSecond: REVOKED, device: REVOKED },
    ],
    [
      "a user erased: their devices become nobody's",
      ({ store, anna }) => store.users.erase(anna.id),
      { user: REVOKED, app: REVOKED, asDevice: REVOKED, asSecond: REVOKED, device: REBOUND },
    ],
    [
      "the primary device unbound",
      ({ store, speaker }) => store.devices.change(speaker.id, { userId: null }),
      { user: REBOUND, asDevice: REBOUND, device: REBOUND },
    ],
    [
      "the primary device given to somebody else, as theirs",
      ({ store, speaker, ben }) => store.devices.change(speaker.id, { userId: ben.id, isPrimary: true }),
      { user: REBOUND, asDevice: REBOUND, device: REBOUND, ben: REBOUND },
    ],
    [
      "another device made primary",
      ({ store, second }) => store.devices.change(second.id, { isPrimary: true }),
      { user: REBOUND },
    ],
    ["a device erased", ({ store, second }) => store.devices.erase(second.id), { asSecond: REBOUND }],
    [
      "a first primary device made",
      ({ store, ben }) => store.devices.create({ name: "new", userId: ben.id, isPrimary: true }),
      { ben: REBOUND },
    ],
    ["a device renamed", ({ store, speaker }) => store.devices.change(speaker.id, { name: "kitchen" }), {}],
    ["a user renamed", ({ store, anna }) => store.users.change(anna.id, { username: "anne" }), {}],
    ["a user enabled again", ({ store, anna }) => store.users.change(anna.id, { isActive: true }), {}],
    ["a token made", ({ gateway, anna }) => gateway.token({ user: anna.id }), {}],
  ];

  test.each(cases)("%s", async (_, change, ends) => {
    const home = await household();
    await using _gateway = home.gateway;
    await change(home);
    await expectEnds(home, ends);
  });
});

describe("Authority", () => {
  const change = (seq: number): AuthorityChange => ({
    seq,
    kind: "token-revoked",
    subject_id: seq,
    from_user_id: null,
    to_user_id: null,
  });

  /** On a feed of the test's own. */
  function start(latest = 0) {
    const clock = new ManualClock();
    const feed: AuthorityChange[] = [];
    const closed: number[] = [];
    const failures: unknown[] = [];
    let forgotten = 0;
    const changes = {
      latest: () => latest,
      after: async (seq: number): Promise<readonly AuthorityChange[]> =>
        feed.filter((row) => row.seq > seq).slice(0, 2),
      watch: () => {},
      prune: (): void | Promise<void> => {},
    };
    const registry = {
      closeWhere: (which: (admission: { tokenId: number }) => boolean) => {
        for (let tokenId = 1; tokenId <= 20; tokenId++) if (which({ tokenId })) closed.push(tokenId);
      },
    } as unknown as Registry;
    const refusals = { forget: () => forgotten++ } as unknown as Refusals;
    const authority = new Authority(changes, {} as Devices, registry, refusals, clock, (error) => failures.push(error));
    return { clock, feed, closed, failures, changes, authority, forgotten: () => forgotten };
  }

  test("follows every change once, in order, however many there are", async () => {
    const { authority, feed, closed } = start(2);
    await authority.start();
    feed.push(...[1, 2, 3, 4, 5, 7, 9].map(change));
    await authority.catchUp();
    feed.push(change(10));
    await authority.catchUp();
    expect(closed).toEqual([3, 4, 5, 7, 9, 10]);
  });

  test("calls that overlap are one, and the last sees what all of them wrote", async () => {
    const { authority, feed, closed, changes } = start();
    const { after } = changes;
    const gates: (() => void)[] = [];
    changes.after = async (seq) => {
      const rows = await after(seq);
      await new Promise<void>((resolve) => gates.push(resolve));
      return rows;
    };
    const first = authority.catchUp();
    await Promise.resolve();
    feed.push(change(1));
    const second = authority.catchUp();
    let done = false;
    void second.then(() => {
      done = true;
    });
    while (!done) {
      for (const go of gates.splice(0)) go();
      await Promise.resolve();
    }
    expect(second).toBe(first);
    expect(closed).toEqual([1]);
  });

  test("tells its listeners, and forgets refusals, only when something changed", async () => {
    const { authority, feed, forgotten } = start();
    let told = 0;
    authority.onChange(() => {
      told += 1;
    });
    await authority.catchUp();
    expect([told, forgotten()]).toEqual([0, 0]);
    feed.push(change(1));
    await authority.catchUp();
    expect([told, forgotten()]).toEqual([1, 1]);
  });

  test("a database that fails is reported, and tried again", async () => {
    const { authority, clock, feed, closed, failures, changes } = start();
    const { after } = changes;
    feed.push(change(1));
    changes.after = () => Promise.reject(new Error("gone"));
    await authority.catchUp();
    expect(failures).toEqual([new Error("gone")]);
    changes.after = after;
    clock.advance(250);
    await authority.catchUp();
    expect(closed).toEqual([1]);
  });

  test("prunes the feed now and then; a failure is reported", async () => {
    const { authority, clock, changes, failures } = start();
    let pruned = 0;
    changes.prune = () => {
      pruned += 1;
    };
    clock.advance(120_000);
    expect(pruned).toBe(2);
    changes.prune = () => Promise.reject(new Error("locked"));
    clock.advance(60_000);
    await authority.catchUp();
    expect(failures).toEqual([new Error("locked")]);
    authority.stop();
    expect(clock.timers).toBe(0);
  });
});
