import { expect, test } from "bun:test";
import { RESERVED_TYPES } from "./frames.ts";

test("what only the server says", () => {
  expect([...RESERVED_TYPES].toSorted()).toEqual([
    "ack",
    "auth",
    "bye",
    "connection_status",
    "error",
    "pong",
    "reset",
    "skip",
  ]);
});
