import { EVERYONE, type Scenario } from "./scenario.ts";

/** What a connection at rest costs in memory. */
export const idle: Scenario = {
  name: "idle",
  title: ({ many }) => `${many.toLocaleString("en-US")} idle connections: growth of the resident set, per connection`,
  servers: EVERYONE,
  metrics: [{ id: "rss", unit: "bytes/connection", better: "lower", goal: { atMost: 1.7 } }],
  async measure(server, bench) {
    const { many, settleS } = bench.scale;
    // No connection comes before these: what the first ones cost once and for all counts, too. They rest until the
    // garbage of their own handshakes is collected.
    const { report } = await bench.load(server, {
      mode: "idle",
      connections: many,
      warmupS: settleS,
      windowS: 0.5,
      extra: ["--rst"],
    });
    return {
      values: { rss: report.server[0]?.rss_per_conn_bytes ?? Number.NaN },
      generatorPct: report.client_cpu_pct,
      serverPct: report.server_cpu_pct,
    };
  },
};
