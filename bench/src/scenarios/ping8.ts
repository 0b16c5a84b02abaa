import { EVERYONE, type Scenario } from "./scenario.ts";

/** The cost of our own code: eight frames share a read and a write, so the system calls weigh little. */
export const ping8: Scenario = {
  name: "ping8",
  title: () => "ping → pong, 64 sockets, eight in flight each",
  servers: EVERYONE,
  metrics: [
    { id: "rate", unit: "msg/s", better: "higher", goal: { atLeast: 0.7 } },
    { id: "cpu", unit: "CPU µs/msg", better: "lower" },
  ],
  async measure(server, bench) {
    const { report } = await bench.load(server, { mode: "echo", connections: 64, extra: ["--inflight", "8"] });
    return {
      values: { rate: report.msg_per_s, cpu: report.server_cpu_us_per_msg },
      generatorPct: report.client_cpu_pct,
      serverPct: report.server_cpu_pct,
    };
  },
};
