import { beforeEach, describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { stopRequest } from "./stop-request.ts";

let signals: EventEmitter;
let now: number;
let exits: number[];
let logged: unknown[];
let stop: ReturnType<typeof stopRequest>;

beforeEach(() => {
  signals = new EventEmitter();
  now = 5_000;
  exits = [];
  logged = [];
  const exit = (code: number) => void exits.push(code);
  const process = { on: signals.on.bind(signals), exit } as unknown as Pick<NodeJS.Process, "on" | "exit">;
  const fatal = (fields: unknown) => void logged.push(fields);
  stop = stopRequest({ process, clock: { monotonic: () => now }, log: { fatal } });
});

describe("a signal", () => {
  test.each(["SIGINT", "SIGTERM"])("%s asks to stop", async (signal) => {
    signals.emit(signal);
    expect(await stop).toEqual({ reason: signal, crashed: false });
    expect(exits).toEqual([]);
  });

  test("that arrives twice within a second is one key press", async () => {
    signals.emit("SIGINT");
    now += 1_000;
    signals.emit("SIGINT");
    await stop;
    expect(exits).toEqual([]);
  });

  test("later than a second after the first ends at once", async () => {
    signals.emit("SIGTERM");
    now += 1_001;
    signals.emit("SIGINT");
    expect(exits).toEqual([130]);
    signals.emit("SIGTERM");
    expect(exits).toEqual([130, 143]);
  });
});

describe("what nobody caught", () => {
  test.each(["uncaughtException", "unhandledRejection"])("%s is logged and asks to stop", async (event) => {
    const error = new Error("bug");
    signals.emit(event, error);
    expect(await stop).toEqual({ reason: event, crashed: true });
    expect(logged).toEqual([{ err: error }]);
  });

  test("while it drains is logged, too, and leaves the first reason", async () => {
    signals.emit("SIGINT");
    signals.emit("uncaughtException", new Error("bug"));
    expect(await stop).toEqual({ reason: "SIGINT", crashed: false });
    expect(logged).toHaveLength(1);
  });
});
