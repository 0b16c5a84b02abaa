import { METRICS } from "@qy-lty/server/observe/metric-table.ts";
import { code, heading, type Page, parts, table } from "./page.ts";

export const metricsPage: Page = {
  file: "metrics.md",
  render: () =>
    parts(
      heading("Metrics", "`server/src/observe/metric-table.ts`"),
      "`GET /metrics` answers them in the text format of Prometheus. It is open to requests made on the machine itself; anyone else needs an administrator's token. [Monitoring](../howto/monitoring.md) says how to scrape them.",
      "Counters begin at 0 when the process starts. Durations are in seconds. A histogram `x` is three series: `x_bucket`, `x_sum` and `x_count`. What a peer sends never becomes a label: what is not known beforehand is `other`.",
      table(
        ["name", "type", "labels", "what it says"],
        METRICS.map(({ name, type, labels = [], help }) => [code(name), type, labels.map(code).join(", "), help]),
      ),
    ),
};
