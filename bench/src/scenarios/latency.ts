import { EVERYONE, type Scenario } from "./scenario.ts";

/** How long a ping takes when the server has time: every stall shows, because lateness counts from when it was due. */
export const latency: Scenario = {
  name: "latency",
  title: () => "2,000 pings a second over 500 sockets, at fixed times",
  servers: EVERYONE,
  metrics: [
    // Measured, a C++ µWebSockets server has 226 µs where bare has 252; the page allows 1.2 × the former.
    {
      id: "p99",
      unit: "p99 µs",
      better: "lower",
      goal: { atMost: (1.2 * 226) / 252 },
      goalText: "≤ 1.2 × 226/252 × bare",
    },
    { id: "p50", unit: "p50 µs", better: "lower" },
  ],
  async measure(server, bench) {
    const { report } = await bench.load(server, { mode: "rate", connections: 500, extra: ["--rate", "2000"] });
    return {
      values: { p99: report.latency_us?.p99 ?? Number.NaN, p50: report.latency_us?.p50 ?? Number.NaN },
      generatorPct: report.client_cpu_pct,
      serverPct: report.server_cpu_pct,
    };
  },
};
