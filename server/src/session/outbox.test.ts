import { expect, test } from "bun:test";
import { Outbox } from "./outbox.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("sends once, at the end of the turn, in the order in which sessions had something to say", async () => {
  const outbox = new Outbox();
  const flushed: string[] = [];
  const session = (name: string) => ({ flush: () => void flushed.push(name) });
  for (const name of ["a", "b", "c"]) outbox.add(session(name));
  await Promise.resolve();
  expect(flushed).toEqual([]);
  await turn();
  expect(flushed).toEqual(["a", "b", "c"]);
  await turn();
  outbox.add(session("d"));
  await turn();
  expect(flushed).toEqual(["a", "b", "c", "d"]);
});

test("what is said while it sends goes out in the next turn", async () => {
  const outbox = new Outbox();
  const flushed: string[] = [];
  outbox.add({
    flush: () => {
      flushed.push("first");
      outbox.add({ flush: () => void flushed.push("second") });
    },
  });
  await turn();
  expect(flushed).toEqual(["first"]);
  await turn();
  expect(flushed).toEqual(["first", "second"]);
});

test("can be made to send at once, and then has nothing left", async () => {
  const outbox = new Outbox();
  let flushed = 0;
  outbox.add({ flush: () => void flushed++ });
  outbox.flush();
  expect(flushed).toBe(1);
  await turn();
  expect(flushed).toBe(1);
});
