import type { RunningServer } from "../running-server.ts";
import { type Bench, type Measurement, PUBLISHERS, type Scenario } from "./scenario.ts";

const CONNECTIONS = 1_000;

/** One frame to many: the next publish waits until every socket has the last one. */
export const fanout: Scenario = {
  name: "fanout",
  title: () => "POST /api/broadcast/ to 1,000 sockets, one publish outstanding",
  servers: PUBLISHERS,
  metrics: [
    { id: "cpu", unit: "CPU µs/delivery", better: "lower", goal: { atMost: 6.5 / 4.9 }, goalText: "≤ 6.5/4.9 × bare" },
    { id: "rate", unit: "deliveries/s", better: "higher" },
  ],
  measure: (server, bench) => broadcast(server, bench, 1),
};

/** The same with a queue of publishes: frames of one turn to one socket can leave in one write. */
export const fanout8: Scenario = {
  name: "fanout8",
  title: () => "POST /api/broadcast/ to 1,000 sockets, eight publishes outstanding",
  servers: PUBLISHERS,
  metrics: [
    { id: "cpu", unit: "CPU µs/delivery", better: "lower" },
    { id: "rate", unit: "deliveries/s", better: "higher" },
  ],
  measure: (server, bench) => broadcast(server, bench, 8),
};

async function broadcast(server: RunningServer, bench: Bench, outstanding: number): Promise<Measurement> {
  const { report } = await bench.load(server, {
    mode: "listen",
    connections: CONNECTIONS,
    extra: [
      ...["--match", '"notice"', "--publish-http", `${server.origin}/api/broadcast/`],
      ...["--publish-body", '{"type":"notice","message":{"text":"hello, everyone","n":{seq}}}'],
      ...["--publish-header", `Authorization: Token ${bench.credentials.admin}`],
      ...["--publish-conns", String(outstanding), "--publish-outstanding", String(outstanding)],
    ],
  });
  return {
    values: { cpu: report.server_cpu_us_per_msg, rate: report.msg_per_s },
    generatorPct: report.client_cpu_pct,
    serverPct: report.server_cpu_pct,
  };
}
