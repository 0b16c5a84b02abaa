import { expect, test } from "bun:test";
import { fsync } from "./fsync.ts";
import { readTrace } from "./support/sync-trace.ts";
import { canTrace, NEEDS_TRACER } from "./support/tracer.ts";

const isTraceable = await canTrace();
const name = "each 2xx of a push is written after a sync that covers its commit";

test.skipIf(!isTraceable)(
  isTraceable ? name : `${name} ${NEEDS_TRACER}`,
  async () => {
    const report = await fsync(true);
    expect(report.problems).toEqual([]);
  },
  180_000,
);

const hex = (text: string) =>
  [...Buffer.from(text, "latin1")].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const header = (commits: boolean) => hex(`\0\0\0\u0001\0\0\0${commits ? "\u0005" : "\0"}${"\0".repeat(16)}`);
const WAL = hex("/lty.db-wal");
const HEADER = `7 pwrite64(9<${WAL}>, "${header(true)}", 24, 32) = 24`;
const PAGE = `7 pwrite64(9<${WAL}>, "${hex("page with marker-1-")}", 19, 56) = 19`;
const SYNC_BEGUN = `7 fdatasync(9<${WAL}> <unfinished ...>`;
const SYNC_DONE = "7 <... fdatasync resumed>) = 0";
const ANSWER = `6 sendto(12<socket:[1]>, "${hex("HTTP/1.1 200 OK\r\n\r\nmarker-1-")}", 29, 0, NULL, 0) = 29`;

test.each([
  ["sync, then answer", [HEADER, PAGE, SYNC_BEGUN, SYNC_DONE, ANSWER], true],
  ["answer while the sync is under way", [HEADER, PAGE, SYNC_BEGUN, ANSWER, SYNC_DONE], false],
  ["answer before the sync", [HEADER, PAGE, ANSWER, SYNC_BEGUN, SYNC_DONE], false],
  ["a sync that began before the page was written", [HEADER, SYNC_BEGUN, PAGE, SYNC_DONE, ANSWER], false],
  ["a sync that failed", [HEADER, PAGE, `7 fdatasync(9<${WAL}>) = -1 EIO`, ANSWER], false],
  ["no commit", [HEADER.replace(header(true), header(false)), PAGE, SYNC_BEGUN, SYNC_DONE, ANSWER], false],
])("the trace is read: %s", (_, lines, isCovered) => {
  const problem = readTrace(lines.join("\n"), ["marker-1-"]).problems.get("marker-1-");
  expect(problem === null).toBe(isCovered);
});
