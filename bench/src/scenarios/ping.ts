import { EVERYONE, type Scenario } from "./scenario.ts";

/** The cost of one frame in and one frame out when nothing can be batched. */
export const ping: Scenario = {
  name: "ping",
  title: () => "ping → pong, 512 sockets, one in flight each",
  servers: EVERYONE,
  metrics: [
    { id: "cpu", unit: "CPU µs/msg", better: "lower", goal: { atMost: 1 / 0.85 }, goalText: "bare/ours ≥ 0.85" },
    { id: "rate", unit: "msg/s", better: "higher" },
  ],
  async measure(server, bench) {
    const { report } = await bench.load(server, { mode: "echo", connections: 512 });
    return {
      values: { cpu: report.server_cpu_us_per_msg, rate: report.msg_per_s },
      generatorPct: report.client_cpu_pct,
      serverPct: report.server_cpu_pct,
    };
  },
};
