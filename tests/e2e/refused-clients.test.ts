import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { MemoryTransport } from "@qy-lty/server/transport/memory.ts";
import { ManualClock, type Person, startTestGateway, type TestGateway, type TestSocket } from "@qy-lty/testkit";
import { wrongToken } from "./support/refusal.ts";

const MINUTE = 60_000;

let clock: ManualClock;
let gateway: TestGateway;
let alice: Person;
let bob: Person;
/** How often the database was asked for a token. */
let reads: () => number;

beforeEach(async () => {
  clock = new ManualClock();
  gateway = await startTestGateway({
    clock,
    transport: new MemoryTransport(),
    config: { trustedProxies: ["127.0.0.1"] },
  });
  [alice, bob] = [await gateway.person(), await gateway.person()];
  await advance(1_000);
  const reader = spyOn(gateway.store.credentials, "findByHash");
  reads = () => reader.mock.calls.length;
});
afterEach(() => gateway[Symbol.asyncDispose]());

/** Lets time pass, and then everything happen that was due. */
async function advance(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function knock(query: string, address = "192.0.2.1"): Promise<TestSocket> {
  const socket = await gateway.connect(query, { headers: { "x-forwarded-for": address } });
  await settled();
  return socket;
}

/** The code of the only frame that came, and of the close; "held" while there is neither. */
async function fate(socket: TestSocket): Promise<unknown> {
  const [frame, ...more] = socket.frames;
  if (frame === undefined) return "held";
  expect(more).toEqual([]);
  return frame.type === "error" ? [frame.code, (await socket.closed).code] : frame.type;
}

/** Is refused at once, so many times. */
async function refusedAtOnce(query: string, times: number, code: string, close: number, address?: string) {
  for (let time = 1; time <= times; time++) expect(await fate(await knock(query, address))).toEqual([code, close]);
}

/** Knocks, and wants to be held for exactly so long before it is refused. */
async function heldFor(query: string, ms: number, code: string, close: number): Promise<void> {
  const socket = await knock(query);
  await advance(ms - 1);
  expect(await fate(socket)).toBe("held");
  await advance(1);
  expect(await fate(socket)).toEqual([code, close]);
}

describe("a dead token that is tried again and again", () => {
  test("is held from the 6th time on, 1 s doubling to 30 s, and the database is not asked again", async () => {
    const query = `token=${wrongToken()}`;
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    expect(reads()).toBe(5);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30, 30]) await heldFor(query, seconds * 1_000, "UNAUTHENTICATED", 4001);
    expect(reads()).toBe(5);
  });

  test("costs no read even the first times where it cannot be a token", async () => {
    await refusedAtOnce("token=nonsense", 5, "UNAUTHENTICATED", 4001);
    await heldFor("token=nonsense", 1_000, "UNAUTHENTICATED", 4001);
    expect(reads()).toBe(0);
  });

  test("is forgotten a minute after its last refusal", async () => {
    const query = `token=${wrongToken()}`;
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    await advance(MINUTE + 1);
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    expect(reads()).toBe(10);
  });

  test("holds up neither another address nor another token", async () => {
    const query = `token=${wrongToken()}`;
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001, "192.0.2.2");
    await refusedAtOnce(`token=${wrongToken()}`, 5, "UNAUTHENTICATED", 4001);
    expect(await fate(await knock(`token=${alice.token}`))).toBe("connection_status");
    expect(await fate(await knock(query))).toBe("held");
  });

  test("is held by what the nearest untrusted hop is, whatever a client writes to the left of it", async () => {
    const query = `token=${wrongToken()}`;
    for (let hop = 1; hop <= 5; hop++) await knock(query, `198.51.100.${hop}, 192.0.2.1`);
    expect(await fate(await knock(query, "198.51.100.9, 192.0.2.1"))).toBe("held");
  });

  test("leaves nothing behind when its client does not wait", async () => {
    const query = `token=${wrongToken()}`;
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    const socket = await knock(query);
    socket.close();
    await advance(1_000);
    await socket.closed;
    expect(gateway.gateway.registry.sockets).toBe(0);
  });
});

test("tickets are never held", async () => {
  await refusedAtOnce("ticket=ltk_nothing", 50, "UNAUTHENTICATED", 4001);
});

test("no credential at all is never held", async () => {
  await refusedAtOnce("", 50, "UNAUTHENTICATED", 4001);
});

describe("a good token that may not go there", () => {
  const elsewhere = () => `/ws/device/${bob.id}/?token=${alice.token}`;

  test("is held with the code it was refused with", async () => {
    await refusedAtOnce(elsewhere(), 5, "FORBIDDEN", 4003);
    await heldFor(elsewhere(), 1_000, "FORBIDDEN", 4003);
    await heldFor(elsewhere(), 2_000, "FORBIDDEN", 4003);
    expect(reads()).toBe(5);
  });

  test("is let in where it may go", async () => {
    await refusedAtOnce(elsewhere(), 5, "FORBIDDEN", 4003);
    await refusedAtOnce(`token=${alice.token}&role=boss`, 5, "FORBIDDEN", 4003);
    expect(await fate(await knock(`token=${alice.token}`))).toBe("connection_status");
    expect(await fate(await knock(`token=${alice.token}&role=app`))).toBe("connection_status");
  });
});

describe("what was refused is looked up again at once when", () => {
  test("a token is made", async () => {
    const query = `token=${wrongToken()}`;
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
    await gateway.token({ user: bob.id });
    await advance(1_000);
    await refusedAtOnce(query, 5, "UNAUTHENTICATED", 4001);
  });

  test("a user is enabled again", async () => {
    await gateway.store.users.change(alice.id, { isActive: false });
    await advance(1_000);
    await refusedAtOnce(`token=${alice.token}`, 5, "UNAUTHENTICATED", 4001);
    expect(await fate(await knock(`token=${alice.token}`))).toBe("held");
    await gateway.store.users.change(alice.id, { isActive: true });
    await advance(1_000);
    expect(await fate(await knock(`token=${alice.token}`))).toBe("connection_status");
  });

  test("a device is bound", async () => {
    const device = await gateway.device();
    const query = `token=${alice.token}&role=device&device=${device.id}`;
    await refusedAtOnce(query, 5, "FORBIDDEN", 4003);
    expect(await fate(await knock(query))).toBe("held");
    await gateway.store.devices.change(device.id, { userId: alice.id });
    await advance(1_000);
    expect(await fate(await knock(query))).toBe("connection_status");
  });
});

test("when the database fails, the refusal is INTERNAL_ERROR and 4000, and is not held against the token", async () => {
  await using broken = await startTestGateway({ transport: new MemoryTransport(), expectsErrors: true });
  const { token } = await broken.person();
  const reader = spyOn(broken.store.credentials, "findByHash").mockImplementation(() => {
    throw new Error("the disk is on fire");
  });
  for (let time = 1; time <= 6; time++) {
    const socket = await broken.connect(`token=${token}`);
    await settled();
    expect(await fate(socket)).toEqual(["INTERNAL_ERROR", 4000]);
    expect(socket.raw.join()).not.toContain("fire");
  }
  expect(JSON.stringify(broken.log.errors[0])).toContain("the disk is on fire");
  reader.mockRestore();
  const socket = await broken.connect(`token=${token}`);
  await settled();
  expect(await fate(socket)).toBe("connection_status");
});

describe("a ticket", () => {
  const ticket = async () => {
    const answer = await gateway.http<{ ticket: string; expires_in_s: number }>("POST", "/api/tickets/", {
      token: alice.token,
      body: {},
    });
    expect(answer.body.data.expires_in_s).toBe(30);
    return `ticket=${answer.body.data.ticket}`;
  };

  test("is good for 30 s", async () => {
    const query = await ticket();
    await advance(29_999);
    expect(await fate(await knock(query))).toBe("connection_status");
  });

  test("is void after 30 s", async () => {
    const query = await ticket();
    await advance(30_000);
    expect(await fate(await knock(query))).toEqual(["UNAUTHENTICATED", 4001]);
  });
});

describe("a connection whose token expires", () => {
  test("is closed with 4012 within a second, and gets what came before", async () => {
    const token = await gateway.token({ user: alice.id }, 10_000);
    const socket = await knock(`token=${token}`);
    await advance(9_000);
    expect(await fate(socket)).toBe("connection_status");
    await advance(2_000);
    expect((await socket.closed).code).toBe(4012);
  });

  test("cannot be opened at that moment any more", async () => {
    const token = await gateway.token({ user: alice.id }, 10_000);
    await advance(10_000);
    expect(await fate(await knock(`token=${token}`))).toEqual(["UNAUTHENTICATED", 4001]);
  });
});
