import { afterAll, beforeAll, expect, test } from "bun:test";
import { companion, person } from "./support/people.ts";
import { acknowledge, expectSkip, pushMany, quiet, range, reliable, seqs, states, take } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";

/** A connection must stay open so long after a message was sent for its end to count as an attempt, milliseconds. */
const ATTEMPT_MS = 5_000;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

test("a message that 5 connections did not get over is set aside; what is behind it is not, nor is it for others", async () => {
  const alice = await person(server);
  const [poisoned, healthy] = await Promise.all([companion(server, alice), companion(server, alice)]);
  const [first, second] = await pushMany(server, alice, 3);
  {
    using socket = await reliable(server, poisoned);
    await take(socket, 3);
    await acknowledge(socket, 1);
  }
  // A flaky link proves nothing: these were too short to be attempts.
  for (const _ of range(1, 8)) {
    using socket = await reliable(server, poisoned);
    expect(seqs(await take(socket, 2))).toEqual([2, 3]);
  }
  for (const _ of range(1, 5)) {
    const socket = await reliable(server, poisoned);
    expect(seqs(await take(socket, 2))).toEqual([2, 3]);
    // Real seconds, because it is their number that makes an attempt of it.
    await Bun.sleep(ATTEMPT_MS + 50);
    socket.close();
    await socket.ended();
  }
  using socket = await reliable(server, poisoned);
  expectSkip(await socket.next(), 2, "dead");
  expect(await socket.next()).toMatchObject({ seq: 3, redelivered: true });
  expect(await quiet(socket)).toEqual([]);
  const [sick, well] = [`device:${poisoned.id}`, `device:${healthy.id}`];
  expect(await states(server, second ?? { message_id: "" })).toEqual({ [sick]: "dead", [well]: "pending" });
  expect(await states(server, first ?? { message_id: "" })).toEqual({ [sick]: "acknowledged", [well]: "pending" });

  using other = await reliable(server, healthy);
  expect(seqs(await take(other, 3))).toEqual([1, 2, 3]);
  // An operator finds it in the log, by its place. What is logged before an answer may be read after it.
  const lines = () => server.output.split("\n").filter((line) => line.includes(sick) && /"seq":2\b/.test(line));
  while (lines().length === 0) await server.api("GET", "/healthz");
  expect(lines()).toHaveLength(1);
}, 120_000);
