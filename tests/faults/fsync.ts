/**
 * Shows under `strace` that each 2xx of a push is written to its socket after a completed sync that covers its commit.
 *
 *     npm run test:fsync [-- --short] [-- --save NAME]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FaultServer } from "./support/fault-server.ts";
import { HttpConnection } from "./support/http-connection.ts";
import { Report, runScript } from "./support/report.ts";
import { readTrace } from "./support/sync-trace.ts";
import { canTrace, tracingWrites } from "./support/tracer.ts";

const USERS = 8;
const CONNECTIONS = 8;
const TRACE = "trace";

/** Pushes under a tracer; answers its trace and the markers that the pushes carried. */
export async function tracePushes(pushes: number): Promise<{ readonly trace: string; readonly markers: string[] }> {
  await using server = await FaultServer.start({
    people: USERS,
    prefix: (folder) => tracingWrites(join(folder, TRACE)),
  });
  const markers = Array.from({ length: pushes }, (_, n) => `marker-${String(n).padStart(6, "0")}-`);
  const queue = markers.entries();
  const push = async () => {
    const connection = new HttpConnection(() => server.port, server.admin);
    for (const [n, marker] of queue) {
      const answer = await connection.post(
        "/api/messages/",
        `{"type":"notice","user_id":${1 + (n % USERS)},"message":"${marker}"}`,
      );
      if (answer?.status !== 200) throw new Error(`a push was answered ${answer?.status}: ${answer?.body}`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, push));
  await server.stop();
  return { trace: readFileSync(join(server.folder, TRACE), "utf8"), markers };
}

/** Traces pushes and checks each; the report's figures are what the trace shows. */
export async function fsync(short: boolean): Promise<Report> {
  if (!(await canTrace())) throw new Error("strace is needed, and leave to trace");
  const pushes = short ? 50 : 1_000;
  const { trace, markers } = await tracePushes(pushes);
  const { problems, commits, syncs } = readTrace(trace, markers);
  const report = new Report("Every 2xx of a push comes after a completed sync that covers its commit");
  report.add("pushes", pushes);
  report.add("commits to the write-ahead log", commits);
  report.add("completed syncs of the write-ahead log", syncs, "", { atLeast: 1 });
  report.none("2xx that no sync covers", found(problems));
  // The same trace without its syncs: were the check blind, it would find nothing here either.
  const blind = trace.replaceAll(/^.*\b(fdatasync|fsync)\b.*$/gm, "");
  report.add("found in the same trace without its syncs", found(readTrace(blind, markers).problems).length, "", {
    equals: pushes,
  });
  return report;
}

function found(problems: ReadonlyMap<string, string | null>): string[] {
  return [...problems].flatMap(([marker, problem]) => (problem === null ? [] : [`${marker} ${problem}`]));
}

if (import.meta.main) await runScript(fsync);
