import { expect, test } from "bun:test";
import { choosePinning, parseProcessorList } from "./pinning.ts";

test("the kernel's lists of processors", () => {
  expect(parseProcessorList("0-1")).toEqual([0, 1]);
  expect(parseProcessorList("0-2,5")).toEqual([0, 1, 2, 5]);
  expect(parseProcessorList("3")).toEqual([3]);
});

test("server and generator get a processor each", () => {
  expect(choosePinning([0, 2, 3], "taskset")).toEqual({
    server: ["taskset", "-c", "3"],
    load: ["taskset", "-c", "0"],
    description: "server on processor 3, generator on 0",
  });
});

test("where that cannot be, they are not pinned, and the report says why", () => {
  expect(choosePinning([0], "taskset")).toMatchObject({ server: [], load: [] });
  expect(choosePinning([0], "taskset").description).toContain("only one processor");
  expect(choosePinning([0, 1], null).description).toContain("taskset is missing");
});
