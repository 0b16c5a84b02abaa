import fc from "fast-check";
import { KINDS } from "./client.ts";
import { SWEPT_MS, type World } from "./world.ts";

const HOUR_MS = 3_600_000;

/** One thing that happens. Every one can happen at any time; where there is nothing to do it does nothing. */
export type Command =
  | {
      readonly do: "send";
      readonly to: 11 | 12 | null;
      readonly ttlMs: number;
      readonly size: number;
      readonly key?: number;
    }
  | { readonly do: "send again"; readonly key: number; readonly otherwise: boolean }
  | { readonly do: "flood"; readonly count: number }
  | { readonly do: "connect" | "lie" | "ack" | "working"; readonly who: number }
  | { readonly do: "read" | "carry up" | "serve"; readonly who: number; readonly most: number }
  | { readonly do: "hostile ack"; readonly who: number; readonly by: number }
  | { readonly do: "cut"; readonly who: number; readonly end: "both" | "server" | "client" }
  | { readonly do: "pass" | "sleep" | "set clock"; readonly ms: number }
  | { readonly do: "hold disk" | "release disk" | "lose hints" | "restart" }
  | { readonly do: "step disk" | "fail writes" | "crash"; readonly count: number }
  | { readonly do: "copy"; readonly as: "copy" | "backup" }
  | { readonly do: "restore"; readonly which: number; readonly overtake: number };

let pushes = 0;

/** Does it to `world`. */
export async function run(command: Command, world: World): Promise<void> {
  const client = world.clients["who" in command ? command.who : 0];
  if (client === undefined) throw new Error("nobody");
  switch (command.do) {
    case "send": {
      const { to, ttlMs, size, key } = command;
      const push = { type: "note", message: { n: ++pushes, isLive: ttlMs === 0, text: "x".repeat(size) }, ttlMs };
      const idempotency = key === undefined ? null : { caller: "service:1", key: `key-${key}` };
      if (key !== undefined && !world.keyed.has(key)) world.keyed.set(key, { to, push });
      return world.step(() => world.push(to, { ...push, idempotency }));
    }
    case "send again": {
      const said = world.keyed.get(command.key);
      if (said === undefined) return;
      const idempotency = { caller: "service:1", key: `key-${command.key}` };
      const push = command.otherwise ? { ...said.push, sender: "another" } : said.push;
      return world.step(() => {
        // At once, as a caller does whose connection broke.
        world.push(said.to, { ...push, idempotency });
        world.push(said.to, { ...push, idempotency });
      });
    }
    case "flood":
      return world.step(() => {
        for (let sent = 0; sent < command.count; sent++) {
          world.push(null, { type: "note", message: { n: ++pushes } });
        }
      });
    case "connect":
    case "lie":
      return world.step(() => world.connect(client, command.do === "lie"));
    case "read":
      return world.step(() => void client.read(command.most));
    case "ack":
    case "working":
      return world.step(() => client.acknowledge(command.do === "working"));
    case "carry up":
      return world.step(() => void world.carryUp(client, command.most));
    case "serve":
      // What goes well most of the time.
      await world.step(() => void client.read(command.most));
      await world.step(() => client.acknowledge(false));
      return world.step(() => void world.carryUp(client, command.most));
    case "hostile ack":
      return world.step(() => client.say({ type: "ack", seq: (client.place?.seq ?? 0) + command.by }));
    case "cut":
      return world.step(() => client.link?.cut(command.end));
    case "pass":
      return world.step(() => world.pass(command.ms));
    case "sleep":
      return world.step(() => world.sleep(command.ms));
    case "set clock":
      return world.step(() => world.setClock(command.ms));
    case "hold disk":
      return world.step(() => world.holdDisk());
    case "release disk":
      return world.step(() => world.releaseDisk());
    case "step disk":
      for (let done = 0; done < command.count; done++) await world.step(() => world.stepDisk());
      return;
    case "lose hints":
      return world.step(() => world.loseHints());
    case "fail writes":
      return world.step(() => world.failWrites(command.count));
    case "crash":
      return world.step(() => world.crash(command.count));
    case "restart":
      return world.step(() => world.restart());
    case "copy":
      return world.step(() => world.copy(command.as));
    case "restore":
      await world.step(() => world.crash(0, command.which));
      return world.step(() => {
        for (let sent = 0; sent < command.overtake; sent++) {
          world.push(null, { type: "note", message: { n: ++pushes } });
        }
      });
  }
}

const who = fc.nat(KINDS.length - 1);
const key = fc.nat(3);
const few = fc.integer({ min: 1, max: 5 });
const most = fc.constantFrom(1, 2, 3, 10, 100);

/** Commands, the likelier the more of them a day has. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 14, arbitrary: send() },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("send again" as const), key, otherwise: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flood" as const), count: fc.constantFrom(5, 60, 100) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("connect" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lie" as const), who }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("read" as const), who, most }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("ack" as const, "working" as const), who }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("carry up" as const), who, most }) },
  { weight: 14, arbitrary: fc.record({ do: fc.constant("serve" as const), who, most }) },
  { weight: 2, arbitrary: hostileAck() },
  { weight: 5, arbitrary: cut() },
  { weight: 8, arbitrary: pass() },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("sleep" as const), ms: fc.constantFrom(HOUR_MS, HOUR_MS, 26 * HOUR_MS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("set clock" as const), ms: fc.constantFrom(-HOUR_MS, HOUR_MS) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("hold disk" as const, "release disk" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("step disk" as const), count: few }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("lose hints" as const, "restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail writes" as const), count: few }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), count: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("copy" as const), as: fc.constantFrom("copy" as const, "backup" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("restore" as const),
      which: fc.nat(5),
      overtake: fc.constantFrom(0, 1, 3, 10),
    }),
  },
);

function send(): fc.Arbitrary<Command> {
  return fc.record(
    {
      do: fc.constant("send" as const),
      to: fc.constantFrom(null, null, 11 as const, 12 as const),
      ttlMs: fc.constantFrom(24 * HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS, 2 * HOUR_MS, 10_000, 0),
      size: fc.constantFrom(0, 0, 0, 0, 0, 100_000),
      key,
    },
    { requiredKeys: ["do", "to", "ttlMs", "size"] },
  );
}

function hostileAck(): fc.Arbitrary<Command> {
  const by = fc.constantFrom(-2, -1, 1, 2, 5, 0.5, 1_000_000, Number.MAX_SAFE_INTEGER);
  return fc.record({ do: fc.constant("hostile ack" as const), who, by });
}

function cut(): fc.Arbitrary<Command> {
  return fc.record({
    do: fc.constant("cut" as const),
    who,
    end: fc.constantFrom("both" as const, "server" as const, "client" as const),
  });
}

function pass(): fc.Arbitrary<Command> {
  const ms = fc.constantFrom(100, 250, 1_100, SWEPT_MS, 6_000, 6_000, 31_000, 65_000);
  return fc.record({ do: fc.constant("pass" as const), ms });
}
