import type { Hints } from "./hints.ts";
import type { World } from "./world.ts";

/**
 * One thing that happens. Every one can happen at any time; where there is nothing to do it does nothing. `at`: the place of
 * the process that it happens to, where there are several.
 */
export type Command =
  | {
      readonly do: "send";
      readonly to: 11 | 12 | 13 | null;
      readonly ttlMs: number;
      readonly size: number;
      readonly key?: number;
      readonly at?: number;
    }
  | { readonly do: "send to others"; readonly at?: number }
  | { readonly do: "rebind"; readonly device: 12 | 13; readonly to: 1 | 2 }
  | { readonly do: "send again"; readonly key: number; readonly otherwise: boolean; readonly at?: number }
  | { readonly do: "flood"; readonly count: number; readonly at?: number }
  | { readonly do: "connect" | "lie"; readonly who: number; readonly at?: number }
  | { readonly do: "ack" | "working"; readonly who: number }
  | { readonly do: "read" | "carry up" | "serve"; readonly who: number; readonly most: number }
  | { readonly do: "hostile ack"; readonly who: number; readonly by: number }
  | { readonly do: "cut"; readonly who: number; readonly end: "both" | "server" | "client" }
  | { readonly do: "pass" | "sleep" | "set clock"; readonly ms: number }
  | { readonly do: "hold disk" | "restart"; readonly at?: number }
  | { readonly do: "release disk"; readonly at?: number }
  | { readonly do: "start" }
  | { readonly do: "cut off"; readonly at?: number }
  | { readonly do: "lose hints"; readonly how: Hints; readonly at?: number }
  | {
      readonly do: "step disk";
      readonly count: number;
      readonly how: "perform" | "answer" | "step";
      readonly at?: number;
    }
  | { readonly do: "fail writes" | "crash"; readonly count: number; readonly at?: number }
  | { readonly do: "copy"; readonly as: "copy" | "backup" }
  | { readonly do: "restore"; readonly which: number; readonly overtake: number };

let pushes = 0;

/** Does it to `world`. */
export async function run(command: Command, world: World): Promise<void> {
  const client = world.clients["who" in command ? command.who : 0];
  if (client === undefined) throw new Error("nobody");
  const at = ("at" in command && command.at) || 0;
  switch (command.do) {
    case "send": {
      const { to, ttlMs, size, key } = command;
      const push = { type: "note", message: { n: ++pushes, isLive: ttlMs === 0, text: "x".repeat(size) }, ttlMs };
      const idempotency = key === undefined ? null : { caller: "service:1", key: `key-${key}` };
      if (key !== undefined && !world.keyed.has(key)) world.keyed.set(key, { to, push });
      return world.step(() => world.push(at, to, { ...push, idempotency }));
    }
    case "send to others":
      return world.step(() => world.push(at, null, { type: "note", message: { n: ++pushes, isTheirs: true } }, 2));
    case "rebind":
      return world.step(() => world.rebind(command.device, command.to));
    case "send again": {
      const said = world.keyed.get(command.key);
      if (said === undefined) return;
      const idempotency = { caller: "service:1", key: `key-${command.key}` };
      const push = command.otherwise ? { ...said.push, sender: "another" } : said.push;
      return world.step(() => {
        // At once, as a caller does whose connection broke.
        world.push(at, said.to, { ...push, idempotency });
        world.push(at, said.to, { ...push, idempotency });
      });
    }
    case "flood":
      return world.step(() => {
        for (let sent = 0; sent < command.count; sent++) {
          world.push(at, null, { type: "note", message: { n: ++pushes } });
        }
      });
    case "connect":
    case "lie":
      return world.step(() => world.connect(client, at, command.do === "lie"));
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
      return world.step(() => world.holdDisk(at));
    case "release disk":
      return world.step(() => world.releaseDisk());
    case "step disk":
      for (let done = 0; done < command.count; done++) await world.step(() => world.stepDisk(at, command.how));
      return;
    case "lose hints":
      return world.step(() => world.loseHints(at, command.how));
    case "fail writes":
      return world.step(() => world.failWrites(at, command.count));
    case "crash":
      return world.step(() => world.crash(at, command.count));
    case "restart":
      return world.step(() => world.restart(at));
    case "cut off":
      return world.step(() => world.cutOff(at));
    case "start":
      return world.step(() => world.start());
    case "copy":
      return world.step(() => world.copies.take(command.as));
    case "restore":
      await world.step(() => world.restore(command.which));
      return world.step(() => {
        for (let sent = 0; sent < command.overtake; sent++) {
          world.push(at, null, { type: "note", message: { n: ++pushes } });
        }
      });
  }
}
