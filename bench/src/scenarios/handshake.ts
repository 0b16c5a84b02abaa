import { EVERYONE, type Scenario } from "./scenario.ts";

/** Everyone comes back at once: each token is one that the process has not seen, so no cache can know it. */
export const handshake: Scenario = {
  name: "handshake",
  title: ({ many }) =>
    `authenticated handshakes, ${many.toLocaleString("en-US")} distinct tokens, 128 at a time, sockets stay open`,
  servers: EVERYONE,
  metrics: [
    { id: "rate", unit: "handshakes/s", better: "higher", goal: { atLeast: 0.6 } },
    { id: "cpu", unit: "CPU µs/handshake", better: "lower" },
  ],
  async measure(server, bench) {
    const { many, handshakeWarmup } = bench.scale;
    const hold = { mode: "idle", warmupS: 0, windowS: 0.1, extra: ["--rst"] } as const;
    // The compilers settle on tokens that are not used again.
    await bench.load(server, { ...hold, connections: handshakeWarmup });
    const { report, cpuSeconds, wallSeconds } = await bench.load(server, {
      ...hold,
      connections: many,
      firstToken: handshakeWarmup,
    });
    const seconds = report.connect?.seconds ?? Number.NaN;
    const cpu = report.server_cpu_us_per_connect;
    return {
      values: { rate: report.connect?.ready_per_s ?? Number.NaN, cpu },
      // The generator reports its share of the window only, and here the window comes after the work.
      generatorPct: (100 * cpuSeconds) / (wallSeconds - report.window_s),
      serverPct: (cpu * report.conns.ready) / seconds / 1e4,
    };
  },
};
