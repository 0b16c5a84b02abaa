import { describe, expect, test } from "bun:test";
import { Core } from "./core.ts";
import type { Effect } from "./effects.ts";
import { LtyError } from "./errors.ts";
import { Place } from "./place.ts";

const GREETING = {
  ...{ type: "connection_status", status: "connected", user_id: "7", device_id: 3, session_id: "s", timestamp: "t" },
  ...{ protocol: "lty.v1", consumer: "device:3", epoch: "e", acked: 0, top: 9, resumed: false },
  ...{ heartbeat_ms: 30_000, ack_window: 64 },
};

function fresh(place = new Place()): Core {
  return new Core({ identity: { role: "app" }, place, random: () => 0.5, maxWaiting: 2, renews: true });
}

/** Greeted at 0, somebody listening. */
function greeted(place?: Place): Core {
  const core = fresh(place);
  core.messages.listen(0, () => true);
  core.start(0);
  core.authorize("token");
  core.opened();
  core.received(0, JSON.stringify(GREETING));
  core.effects();
  return core;
}

function pushed(seq: number, more = {}): string {
  return JSON.stringify({ type: "note", message: seq, message_id: `m${seq}`, seq, timestamp: "t", ...more });
}

/** What is to be done, in short. */
function done(core: Core): unknown[] {
  return core.effects().map((effect: Effect) => {
    if (effect.do === "send") return JSON.parse(effect.text);
    if (effect.do === "deliver") return `deliver ${effect.frame.message_id}`;
    return effect.do === "state" ? effect.state : effect.do;
  });
}

/** Handles whatever is delivered; answers what was sent. */
function handleAll(core: Core): string[] {
  const sent: string[] = [];
  for (let effects = core.effects(); effects.length > 0; effects = core.effects()) {
    for (const effect of effects) {
      if (effect.do === "send") sent.push(effect.text);
      else if (effect.do === "deliver") core.messages.handled(0);
      else if (effect.do === "save" && effect.isForMessage) core.messages.saved(0);
    }
  }
  return sent;
}

describe("the core, without sockets and timers:", () => {
  test("it opens, introduces itself, and is greeted", () => {
    const core = fresh();
    core.start(0);
    expect(done(core)).toEqual([{ state: "connecting" }, "open"]);
    core.authorize("token");
    core.opened();
    expect(done(core)).toEqual([{ type: "auth", message: { token: "token", role: "app" } }]);
    core.received(5, JSON.stringify(GREETING));
    expect(done(core)).toEqual([{ state: "connected" }, "observe"]);
    expect(core.dueAt).toBe(30_005);
  });

  test("no greeting within 20 s: the attempt is given up", () => {
    const core = fresh();
    core.start(0);
    core.effects();
    expect(core.dueAt).toBe(20_000);
    core.tick(20_000);
    expect(done(core)).toEqual(["drop", { state: "waiting", delayMs: 500 }]);
    expect(core.dueAt).toBe(20_500);
    core.tick(20_500);
    expect(done(core)).toEqual([{ state: "connecting" }, "open"]);
  });

  test("deliver, save, acknowledge, and only then the next", () => {
    const core = greeted();
    core.received(1, pushed(1));
    core.received(1, pushed(2));
    expect(done(core)).toEqual(["deliver m1"]);
    core.messages.handled(2);
    expect(done(core)).toEqual(["save"]);
    core.messages.saved(3);
    expect(done(core)).toEqual([{ type: "ack", seq: 1 }, "deliver m2"]);
    expect(core.place.introduction).toEqual({ epoch: "e", seq: 1, last: "m1" });
  });

  test("a message that was seen is acknowledged and not delivered", () => {
    const place = new Place();
    place.enter("device:3", "e");
    place.handled("m1", 1, "e");
    const core = greeted(place);
    core.received(1, pushed(1, { redelivered: true }));
    expect(done(core)).toEqual(["save"]);
    core.messages.saved(1);
    expect(done(core)).toEqual([{ type: "ack", seq: 1 }]);
  });

  test("nothing is acknowledged that this connection has not brought", () => {
    const place = new Place();
    place.enter("device:3", "e");
    place.handled("m5", 5, "e");
    const core = greeted(place);
    core.received(1, pushed(3));
    expect(done(core)).toEqual(["deliver m3"]);
    core.messages.handled(1);
    core.messages.saved(1);
    expect(done(core)).toEqual(["save", { type: "ack", seq: 3 }]);
  });

  test("a nudge ends a wait, but not before the server allows it", () => {
    const core = greeted();
    core.received(1, JSON.stringify({ type: "bye", reason: "r", retry_min_ms: 5_000, retry_max_ms: 9_000 }));
    core.ended(10, 1012, "");
    expect(done(core)).toContainEqual({ state: "waiting", delayMs: 7_000 });
    core.nudge(20);
    expect(core.dueAt).toBe(5_010);
    core.tick(5_010);
    core.ended(5_020, 1006, "");
    core.nudge(5_021);
    expect(core.dueAt).toBe(5_021);
  });

  test("a nudge of a connection asks for a sign of life within 5 s", () => {
    const core = greeted();
    core.nudge(100);
    expect(done(core)).toEqual([{ type: "ping" }]);
    core.nudge(200);
    expect(done(core)).toEqual([]);
    expect(core.dueAt).toBe(5_100);
  });

  test("a timer that was late by hours asks first, and does not take the connection for dead", () => {
    const core = greeted();
    core.tick(7_200_000);
    expect(done(core)).toEqual([{ type: "ping" }]);
    core.received(7_200_010, '{"type":"pong","timestamp":"t"}');
    expect(core.dueAt).toBe(7_230_010);
  });

  test("live messages are bounded", () => {
    const core = greeted();
    core.received(1, pushed(1));
    for (let n = 0; n < 257; n++)
      core.received(1, JSON.stringify({ type: "note", message_id: `l${n}`, timestamp: "t" }));
    const reports = core.effects().filter((effect) => effect.do === "report");
    expect(reports.map(({ error }) => error.code)).toEqual(["OVERFLOW"]);
  });

  test("what waits for a connection is bounded", () => {
    const core = fresh();
    core.post("1");
    core.post("2");
    expect(() => core.post("3")).toThrow(LtyError);
    core.start(0);
    core.received(1, JSON.stringify(GREETING));
    expect(done(core)).toContain(1);
    expect(() => core.post("3")).not.toThrow();
  });

  test("text that is no frame is not looked at", () => {
    const core = greeted();
    for (const text of ["", "{", "null", "7", "[]", "{}", '{"type":7}', "[".repeat(100_000)]) core.received(1, text);
    expect(done(core)).toEqual([]);
  });

  test("numbers and names that are none do no harm, wherever they stand", () => {
    for (const value of [null, true, "", "x", -1, 1.5, 1e300, [], {}, "x".repeat(10_000)]) {
      const core = fresh();
      core.messages.listen(0, () => true);
      core.start(0);
      core.received(0, JSON.stringify({ ...GREETING, consumer: "c", epoch: value, acked: value, heartbeat_ms: value }));
      expect(core.dueAt).toBeWithin(1_000, 3_600_001);
      for (const type of ["skip", "reset", "bye", "error", "note"]) {
        const hints = { retry_min_ms: value, retry_max_ms: value, retry_after_ms: value };
        core.received(1, JSON.stringify({ type, seq: value, epoch: value, id: value, message_id: value, ...hints }));
      }
      core.received(3, pushed(7));
      expect(handleAll(core), String(value)).toContain('{"type":"ack","seq":7}');
      core.ended(4, 1006, "");
      expect(core.dueAt).toBeWithin(4, 5_400_005);
    }
  });

  test("before the greeting nothing counts; a second greeting is but a frame", () => {
    const core = fresh();
    core.messages.listen(0, () => true);
    core.start(0);
    core.received(0, pushed(1));
    core.received(0, JSON.stringify({ type: "reset", epoch: "f" }));
    expect(done(core)).toEqual([{ state: "connecting" }, "open"]);
    core.received(0, JSON.stringify(GREETING));
    core.received(1, JSON.stringify({ ...GREETING, epoch: "other", acked: 9 }));
    expect(done(core)).toEqual([{ state: "connected" }, "observe", "observe"]);
    core.received(1, pushed(1));
    core.messages.handled(1);
    core.messages.saved(1);
    expect(done(core)).toEqual(["deliver m1", "save", { type: "ack", seq: 1 }]);
  });

  test("who sends more than a window, or a text without end, is left", () => {
    const flooded = greeted();
    for (let seq = 1; seq < 5_000; seq++) flooded.received(1, pushed(seq));
    expect(flooded.state.state).toBe("waiting");
    const long = greeted();
    long.received(1, `"${"x".repeat(1 << 20)}"`);
    expect(done(long)).toEqual(["drop", { state: "waiting", delayMs: 500 }]);
  });

  test("a token that was refused: another one is tried, once; the same one ends it", () => {
    const refused = () => {
      const core = fresh();
      core.start(0);
      core.authorize("one");
      core.ended(0, 4001, "unauthenticated");
      core.tick(500);
      core.effects();
      return core;
    };
    const same = refused();
    same.authorize("one");
    expect(same.state).toMatchObject({ state: "closed", error: { code: 4001, reason: "unauthenticated" } });
    const other = refused();
    other.authorize("two");
    other.ended(500, 4001, "");
    expect(other.state).toMatchObject({ state: "closed", error: { code: 4001 } });
    const good = refused();
    good.authorize("two");
    good.received(500, JSON.stringify(GREETING));
    good.ended(600, 4001, "");
    expect(good.state).toMatchObject({ state: "waiting" });
  });

  test("a complaint about size, which names no question, is about the largest", () => {
    const core = greeted();
    const rejected: string[] = [];
    const ask = (id: string, text: string) =>
      core.ask({ id, text, dueAt: 1e9, resolve: () => {}, reject: (error) => rejected.push(`${id} ${error.message}`) });
    ask("a", "short");
    ask("b", "much longer");
    core.received(1, '{"type":"error","code":"MESSAGE_TOO_LARGE","message":"Message too large","timestamp":"t"}');
    expect(rejected).toEqual(["b Message too large"]);
  });
});

describe("a place", () => {
  test("is what it was when it is read again, and the beginning where it cannot be", () => {
    const place = new Place();
    place.enter("device:3", "e");
    for (let seq = 1; seq <= 300; seq++) place.handled(`m${seq}`, seq, "e");
    const again = Place.parse(place.text);
    expect(again.introduction).toEqual({ epoch: "e", seq: 300, last: "m300" });
    expect([again.has("m44"), again.has("m45"), again.has("m300")]).toEqual([false, true, true]);
    for (const text of [undefined, null, "", "{}", "null", '{"seen":7}'])
      expect(Place.parse(text).introduction).toEqual({});
  });

  test("of another consumer is forgotten, ids and all; of another epoch, all but the ids", () => {
    const place = new Place();
    place.enter("device:3", "e");
    place.handled("m1", 1, "e");
    place.enter("device:3", "f");
    expect([place.introduction, place.has("m1")]).toEqual([{}, true]);
    place.enter("device:4", "f");
    expect(place.has("m1")).toBe(false);
  });
});
