import fc from "fast-check";
import { KINDS } from "./client.ts";
import type { Command } from "./commands.ts";
import { SWEPT_MS } from "./world.ts";

const HOUR_MS = 3_600_000;
/** Commands and scenes of a story. */
const LONGEST = 50;

const who = fc.nat(KINDS.length - 1);
/** The place of the process it happens to; where there is one, it is that. */
const at = fc.nat(1);
const key = fc.nat(3);
const few = fc.integer({ min: 1, max: 5 });
const most = fc.constantFrom(1, 2, 3, 10, 100);
const overtake = fc.constantFrom(0, 1, 3, 10);

const send = fc.record(
  {
    do: fc.constant("send" as const),
    to: fc.constantFrom(null, null, null, 11 as const, 12 as const, 13 as const),
    ttlMs: fc.constantFrom(24 * HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS, 2 * HOUR_MS, 10_000, 0),
    size: fc.constantFrom(0, 0, 0, 0, 0, 100_000),
    key,
    at,
  },
  { requiredKeys: ["do", "to", "ttlMs", "size", "at"] },
);
const connect = fc.record({ do: fc.constant("connect" as const), who, at });
const carryUp = fc.record({ do: fc.constant("carry up" as const), who, most });
const serve = fc.record({ do: fc.constant("serve" as const), who, most });
const stepDisk = fc.record({
  do: fc.constant("step disk" as const),
  count: few,
  how: fc.constantFrom("perform" as const, "answer" as const, "step" as const),
  at,
});
const cut = fc.record({
  do: fc.constant("cut" as const),
  who,
  end: fc.constantFrom("both" as const, "server" as const, "client" as const),
});
const hostileAck = fc.record({
  do: fc.constant("hostile ack" as const),
  who,
  by: fc.constantFrom(-2, -1, 1, 2, 5, 0.5, 1_000_000, Number.MAX_SAFE_INTEGER),
});
const pass = fc.record({
  do: fc.constant("pass" as const),
  ms: fc.constantFrom(100, 250, 1_100, SWEPT_MS, 6_000, 6_000, 31_000, 65_000),
});
/** Longer than a node waits for another to write down a cursor. */
const yielded = fc.constant<Command>({ do: "pass", ms: 1_600 });
const sleep = fc.record({
  do: fc.constant("sleep" as const),
  ms: fc.constantFrom(HOUR_MS, HOUR_MS, 26 * HOUR_MS),
});
const rebind = fc.record({
  do: fc.constant("rebind" as const),
  device: fc.constantFrom(12 as const, 13 as const),
  to: fc.constantFrom(1 as const, 2 as const),
});
const copy = fc.record({ do: fc.constant("copy" as const), as: fc.constantFrom("copy" as const, "backup" as const) });
const restore = fc.record({ do: fc.constant("restore" as const), which: fc.nat(5), overtake });

/** One command, the likelier the more of them a day has. */
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 14, arbitrary: send },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("send again" as const), key, otherwise: fc.boolean(), at }) },
  { weight: 10, arbitrary: connect },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lie" as const), who, at }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("read" as const), who, most }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("ack" as const, "working" as const), who }) },
  { weight: 8, arbitrary: carryUp },
  { weight: 14, arbitrary: serve },
  { weight: 2, arbitrary: hostileAck },
  { weight: 5, arbitrary: cut },
  { weight: 8, arbitrary: pass },
  { weight: 2, arbitrary: sleep },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("set clock" as const), ms: fc.constantFrom(-HOUR_MS, HOUR_MS) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("hold disk" as const, "release disk" as const), at }) },
  { weight: 2, arbitrary: stepDisk },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("start" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut off" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("lose hints" as const),
      how: fc.constantFrom("all" as const, "some" as const, "order" as const, "others" as const),
      at,
    }),
  },
  { weight: 2, arbitrary: rebind },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("send to others" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail writes" as const), count: few, at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), count: fc.nat(2), at }) },
  { weight: 2, arbitrary: copy },
  { weight: 2, arbitrary: restore },
);

/** Things happen while the disk is at work on others. */
const slowly: fc.Arbitrary<Command[]> = fc
  .tuple(
    fc.array(fc.oneof(send, send, connect, connect, carryUp, stepDisk, stepDisk, cut, yielded), {
      minLength: 2,
      maxLength: 10,
    }),
    fc.constantFrom([0], [1], [0, 1]),
  )
  .map(([commands, places]) => [
    ...places.map((place): Command => ({ do: "hold disk", at: place })),
    ...commands,
    { do: "release disk" },
  ]);

/** An old copy takes the place of the disk, and goes on without those who knew better. */
const restored: fc.Arbitrary<Command[]> = fc
  .tuple(copy, fc.array(fc.oneof(send, serve), { minLength: 1, maxLength: 6 }), overtake, who, who)
  .map(([taken, commands, overtaken, first, second]) => [
    taken,
    ...commands,
    { do: "restore", which: 0, overtake: overtaken },
    { do: "connect", who: first },
    { do: "connect", who: second },
  ]);

/** A client connects again and again, and never gets anything done: it is stuck, or cut too soon, or says that it is at work. */
const poisoned: fc.Arbitrary<Command[]> = fc
  .tuple(
    who,
    fc.array(fc.tuple(fc.constantFrom("stuck", "stuck", "stuck", "stuck", "cut", "working"), at), {
      minLength: 1,
      maxLength: 8,
    }),
  )
  .map(([client, fates]) =>
    fates.flatMap(([fate, place]): Command[] => [
      { do: "connect", who: client, at: place },
      { do: "read", who: client, most: 3 },
      { do: fate === "working" ? "working" : "read", who: client, most: 1 },
      { do: "carry up", who: client, most: 2 },
      { do: "pass", ms: fate === "cut" ? 2_000 : 6_000 },
      { do: "cut", who: client, end: "both" },
    ]),
  );

/** A device goes to another user and back, and connects on the way or not. */
const lent: fc.Arbitrary<Command[]> = fc
  .tuple(fc.constantFrom(12 as const, 13 as const), fc.array(fc.oneof(send, serve, connect, cut), { maxLength: 4 }))
  .chain(([device, meanwhile]) =>
    fc.boolean().map((connects): Command[] => {
      const its = KINDS.findIndex(({ deviceId }) => deviceId === device);
      return [
        { do: "connect", who: its },
        { do: "send", to: device, ttlMs: 24 * HOUR_MS, size: 0 },
        { do: "rebind", device, to: 2 },
        { do: "send to others" },
        ...(connects
          ? ([
              { do: "connect", who: its },
              { do: "serve", who: its, most: 10 },
            ] satisfies Command[])
          : []),
        ...meanwhile,
        { do: "rebind", device, to: 1 },
        { do: "connect", who: its },
        { do: "serve", who: its, most: 10 },
      ];
    }),
  );

/** More than a window takes, or than the quota. */
const flooded: fc.Arbitrary<Command[]> = fc.tuple(who, fc.constantFrom(5, 70, 100)).map(([client, count]) => [
  { do: "flood", count },
  { do: "serve", who: client, most: 100 },
]);

/** What happens from the first start of a server to the end of the test. */
export const story: fc.Arbitrary<Command[]> = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: command.map((one) => [one]) },
      { weight: 2, arbitrary: slowly },
      { weight: 1, arbitrary: restored },
      { weight: 1, arbitrary: poisoned },
      { weight: 1, arbitrary: flooded },
      { weight: 1, arbitrary: lent },
    ),
    { maxLength: LONGEST, size: "max" },
  )
  .map((scenes) => scenes.flat());
