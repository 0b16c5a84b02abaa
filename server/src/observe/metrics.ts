import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Distribution, MetricSources, MetricSpec, Rows } from "./metric.ts";
import { METRICS } from "./metric-table.ts";

/** The metrics of this process. Nothing is collected before somebody asks: the parts count, and this reads. */
export class Metrics {
  readonly #registry = new Registry();
  readonly contentType = this.#registry.contentType;

  constructor(sources: MetricSources) {
    for (const spec of METRICS) register(spec, sources, this.#registry);
  }

  /** The text format of Prometheus, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function register(spec: MetricSpec, sources: MetricSources, registry: Registry): void {
  const { name, help } = spec;
  const labelNames = spec.labels ?? [];
  if (spec.type === "histogram") {
    registry.registerMetric(new ReadHistogram(name, help, labelNames, spec.bounds, () => spec.read(sources)));
    return;
  }
  const values = async (): Promise<Rows<number>> => {
    try {
      const read = await spec.read(sources);
      return typeof read === "number" ? [[[], read]] : read;
    } catch {
      // A database that does not answer must not hide everything else; `/readyz` and the log speak of it.
      return [];
    }
  };
  const options = { name, help, labelNames, registers: [registry] };
  if (spec.type === "gauge") {
    new Gauge({
      ...options,
      async collect() {
        const read = await values();
        this.reset();
        for (const [labels, value] of read) this.set(named(labelNames, labels), value);
      },
    });
  } else {
    new Counter({
      ...options,
      async collect() {
        const read = await values();
        this.reset();
        for (const [labels, value] of read) this.inc(named(labelNames, labels), value);
      },
    });
  }
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
}

/** A histogram whose buckets are counted elsewhere: prom-client's own takes single observations only. */
class ReadHistogram extends Histogram<string> {
  constructor(
    private readonly metric: string,
    private readonly description: string,
    private readonly names: readonly string[],
    private readonly bounds: readonly number[],
    private readonly read: () => Rows<Distribution>,
  ) {
    super({ name: metric, help: description, labelNames: names, registers: [] });
  }

  /** What the registry writes out. */
  async getForPromString() {
    const { metric, bounds } = this;
    const values = Array.from(this.read()).flatMap(([labels, { count, sum, within }]) => {
      const own = named(this.names, labels);
      const line = (suffix: string, value: number, more = {}) => ({
        metricName: `${metric}_${suffix}`,
        labels: { ...own, ...more },
        value,
      });
      return [
        ...bounds.map((bound) => line("bucket", within(bound), { le: String(bound) })),
        line("bucket", count, { le: "+Inf" }),
        line("sum", sum),
        line("count", count),
      ];
    });
    return { name: metric, help: this.description, type: "histogram", values, aggregator: "sum" };
  }
}
