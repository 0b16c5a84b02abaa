import { expect, test } from "bun:test";
import { DeliveryTrace, TRACED_MESSAGES } from "./trace.ts";

const UNKNOWN = { deliveredAt: null, acknowledgedAt: null };

test("remembers for each consumer of a message when it first got it, and when it first acknowledged it", () => {
  const trace = new DeliveryTrace();
  trace.acknowledged(1, 1, "user:1", 5);
  expect(trace.find(1, 1, "user:1")).toEqual(UNKNOWN);
  trace.delivered(1, 1, "user:1", 10);
  trace.delivered(1, 1, "device:3", 11);
  trace.delivered(1, 1, "user:1", 12);
  trace.acknowledged(1, 1, "device:3", 20);
  trace.acknowledged(1, 1, "device:3", 21);
  expect(trace.find(1, 1, "user:1")).toEqual({ deliveredAt: 10, acknowledgedAt: null });
  expect(trace.find(1, 1, "device:3")).toEqual({ deliveredAt: 11, acknowledgedAt: 20 });
  expect(trace.find(1, 1, "app:1:phone")).toEqual(UNKNOWN);
  expect(trace.find(1, 2, "user:1")).toEqual(UNKNOWN);
  expect(trace.find(2, 1, "user:1")).toEqual(UNKNOWN);
});

test("remembers 64 consumers of a message", () => {
  const trace = new DeliveryTrace();
  for (let n = 1; n <= 70; n++) trace.delivered(1, 1, `device:${n}`, n);
  expect(trace.find(1, 1, "device:64").deliveredAt).toBe(64);
  expect(trace.find(1, 1, "device:65")).toEqual(UNKNOWN);
});

test("forgets the oldest message for the newest, whoever's they are", () => {
  const trace = new DeliveryTrace();
  trace.delivered(1, 1, "user:1", 1);
  trace.delivered(1, 2, "user:1", 2);
  for (let seq = 1; seq <= TRACED_MESSAGES - 2; seq++) trace.delivered(2, seq, "user:2", seq);
  expect(trace.find(1, 1, "user:1").deliveredAt).toBe(1);
  trace.delivered(1, 3, "user:1", 3);
  expect(trace.find(1, 1, "user:1")).toEqual(UNKNOWN);
  expect(trace.find(1, 2, "user:1").deliveredAt).toBe(2);
  for (let seq = 1; seq <= TRACED_MESSAGES; seq++) trace.delivered(3, seq, "user:3", seq);
  expect(trace.find(1, 3, "user:1")).toEqual(UNKNOWN);
  expect(trace.find(2, 1, "user:2")).toEqual(UNKNOWN);
  expect(trace.find(3, 1, "user:3").deliveredAt).toBe(1);
});

test("a message whose user has no other is remembered in the place of that user's last", () => {
  const trace = new DeliveryTrace();
  for (let seq = 1; seq <= 2 * TRACED_MESSAGES; seq++) trace.delivered(1, seq, "user:1", seq);
  expect(trace.find(1, TRACED_MESSAGES, "user:1")).toEqual(UNKNOWN);
  expect(trace.find(1, TRACED_MESSAGES + 1, "user:1").deliveredAt).toBe(TRACED_MESSAGES + 1);
});
