import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Companion, companion, type Person, person } from "./support/people.ts";
import { push, range, reliable } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import type { Frame, TestSocket } from "./support/socket.ts";

const CLIENTS = 6;
const MESSAGES = 400;

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Numbers that look random, and are the same in each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** Everything that clients of one consumer have seen, said and been told together. */
class Witness {
  readonly handled = new Set<string>();
  /** The furthest that any of them acknowledged. */
  acknowledged = 0;
  readonly problems: string[] = [];
  readonly closes = new Map<number, number>();
  readonly open = new Set<TestSocket>();

  /** Takes what comes on a connection until `enough` says so or it is closed; answers the last seq. */
  async follow(socket: TestSocket, enough: (seq: number) => boolean): Promise<number> {
    const { acked } = socket.greeting as unknown as { acked: number };
    if (acked > this.acknowledged) this.problems.push(`cursor ${acked}, acknowledged ${this.acknowledged}`);
    let last = acked;
    while (!enough(last)) {
      const frame: Frame | undefined = await socket.next(20_000).catch(() => undefined);
      if (frame === undefined) return last;
      const { seq, message_id } = frame as unknown as { seq?: number; message_id?: string };
      if (seq === undefined || message_id === undefined) continue;
      if (seq !== last + 1) this.problems.push(`${seq} after ${last}`);
      last = seq;
      this.handled.add(message_id);
    }
    return last;
  }

  acknowledge(socket: TestSocket, seq: number): void {
    this.acknowledged = Math.max(this.acknowledged, seq);
    socket.send({ type: "ack", seq });
  }
}

/** Connects, takes some, acknowledges some of that or nothing, and is gone, again and again. */
async function flicker(witness: Witness, who: Companion | Person, seed: number, goesOn: () => boolean): Promise<void> {
  const roll = dice(seed);
  while (goesOn()) {
    const socket = await reliable(server, who).catch(() => undefined);
    if (socket === undefined) continue;
    witness.open.add(socket);
    void socket.closing.then(({ code }) => {
      witness.open.delete(socket);
      witness.closes.set(code, (witness.closes.get(code) ?? 0) + 1);
    });
    if (!goesOn()) socket[Symbol.dispose]();
    const first = Number(socket.greeting.acked);
    const wanted = first + roll(40);
    const last = await witness.follow(socket, (seq) => seq >= wanted || !goesOn());
    const said = first + roll(last - first + 1);
    if (roll(3) > 0 && said > 0) witness.acknowledge(socket, said);
    // Cut at once, with the acknowledgement on its way, or closed in order.
    if (roll(2) === 0) socket[Symbol.dispose]();
    else socket.close();
  }
}

/** Pushes while they flicker; then one stays, and gets what is left. */
async function race(owner: Person, who: Companion | Person): Promise<Witness> {
  const witness = new Witness();
  let pushed = 0;
  const goesOn = () => pushed < MESSAGES;
  const accepted: string[] = [];
  const pour = async () => {
    while (goesOn()) {
      pushed += 1;
      accepted.push((await push(server, owner, pushed)).message_id);
    }
  };
  const flickering = range(1, CLIENTS).map((seed) => flicker(witness, who, seed, goesOn));
  await Promise.all([pour(), pour()]);
  // Who waits for more waits no longer.
  for (const socket of witness.open) socket[Symbol.dispose]();
  await Promise.all(flickering);
  accepted.push((await push(server, owner, "last")).message_id);
  using last = await reliable(server, who);
  const top = Number(last.greeting.top);
  await witness.follow(last, (seq) => {
    if (seq > 0) witness.acknowledge(last, seq);
    return seq >= top;
  });
  expect(accepted.filter((id) => !witness.handled.has(id))).toEqual([]);
  return witness;
}

describe("connections that come and go while messages pour in", () => {
  test("of one device: each takes over from the one before, and nothing is lost or out of order", async () => {
    const owner = await person(server);
    const witness = await race(owner, await companion(server, owner));
    expect(witness.problems).toEqual([]);
    expect(witness.closes.get(4009) ?? 0).toBeGreaterThan(0);
  }, 180_000);

  test("of one user, sharing a cursor: nothing is lost or out of order", async () => {
    const owner = await person(server);
    const witness = await race(owner, owner);
    expect(witness.problems).toEqual([]);
  }, 180_000);
});
