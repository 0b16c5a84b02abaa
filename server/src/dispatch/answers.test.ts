import { expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import type { Notice } from "../broker/broker.ts";
import { Answers } from "./answers.ts";

const TEN_MINUTES = 10 * 60_000;

test("an answer is kept for ten minutes, for the consumer and the id it was for", () => {
  const clock = new ManualClock();
  const answers = new Answers(clock);
  answers.keep("device:1", "q", "answer");
  expect(["device:1", "device:2"].map((consumer) => answers.find(consumer, "q"))).toEqual(["answer", undefined]);
  clock.advance(TEN_MINUTES);
  expect(answers.find("device:1", "q")).toBe("answer");
  clock.advance(1);
  expect(answers.find("device:1", "q")).toBeUndefined();
});

test("one that is shared is told to other nodes, once; one that another node gave is not passed on", () => {
  const said: Notice[] = [];
  const answers = new Answers(new ManualClock(), { say: (notice) => void said.push(notice) });
  answers.share("device:1", "q", "answer");
  answers.keep("device:1", "r", "of another node");
  expect(said).toEqual([{ kind: "answer", consumer: "device:1", id: "q", frame: "answer" }]);
  expect(answers.find("device:1", "q")).toBe("answer");
});

test("the oldest go when there is too much text", () => {
  const answers = new Answers(new ManualClock());
  const long = "x".repeat(1024 * 1024);
  for (let n = 0; n < 17; n++) answers.keep("device:1", `${n}`, long);
  expect([answers.find("device:1", "0"), answers.find("device:1", "1")]).toEqual([undefined, long]);
});
