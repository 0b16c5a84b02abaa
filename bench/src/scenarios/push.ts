import type { RunningServer } from "../running-server.ts";
import { type Bench, type Measurement, PUBLISHERS, type Scenario } from "./scenario.ts";

export const USERS = 64;
const HTTP_CONNECTIONS = 16;

/** A push that is only for who is online now: what the HTTP side costs, with one delivery. */
export const push: Scenario = {
  name: "push",
  title: () => "POST /api/messages/ with ttl 0 to one of 64 users, 16 HTTP connections",
  servers: PUBLISHERS,
  metrics: [
    { id: "rate", unit: "2xx/s", better: "higher", goal: { atLeast: 0.6 } },
    { id: "cpu", unit: "CPU µs/push", better: "lower" },
  ],
  measure: async (server, bench) => pushTo(server, bench, { ttl: (await acceptsTtl(server, bench)) ? 0 : undefined }),
};

/** Pushes as fast as they are answered; each of the users has one socket. `ttl` null: none is said, on purpose. */
export async function pushTo(
  server: RunningServer,
  bench: Bench,
  { ttl, extra = [] }: { readonly ttl: 0 | null | undefined; readonly extra?: readonly string[] },
): Promise<Measurement> {
  const { report } = await bench.load(server, {
    mode: "listen",
    connections: USERS,
    extra: [
      ...["--match", '"notice"', "--publish-http", `${server.origin}/api/messages/`],
      ...["--publish-body", body("{u}", '{"text":"hello","n":{seq}}', ttl === 0)],
      ...["--publish-header", `Authorization: Token ${bench.credentials.admin}`, "--publish-users", String(USERS)],
      ...["--publish-conns", String(HTTP_CONNECTIONS), "--publish-free", "--drain", "0.2", ...extra],
    ],
  });
  const accepted = report.publish?.http_2xx ?? 0;
  if (accepted === 0) throw new Error("no push was accepted");
  // Up to one push per HTTP connection is under way at either end of the window.
  if (Math.abs(report.msgs_received - accepted) > 2 * HTTP_CONNECTIONS + accepted / 100) {
    throw new Error(`${accepted} pushes were accepted, but ${report.msgs_received} delivered`);
  }
  return {
    values: { rate: accepted / report.window_s, cpu: report.server_cpu_us_per_publish ?? Number.NaN },
    generatorPct: report.client_cpu_pct,
    serverPct: report.server_cpu_pct,
    ...(ttl === undefined ? { note: `${server.name} does not know ttl yet: pushed without it` } : {}),
  };
}

function body(user: string, message: string, ttl: boolean): string {
  return `{"type":"notice","message":${message},"user_id":${user}${ttl ? ',"ttl":0' : ""}}`;
}

/** Servers of before the message log refuse the field; an earlier checkout can still be compared. */
async function acceptsTtl(server: RunningServer, { credentials }: Bench): Promise<boolean> {
  const response = await fetch(`${server.origin}/api/messages/`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Token ${credentials.admin}` },
    body: body("1", '"probe"', true),
    signal: AbortSignal.timeout(5_000),
  });
  await response.body?.cancel();
  return response.ok;
}
