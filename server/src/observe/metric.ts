import type { Broker } from "../broker/broker.ts";
import type { MessageLog } from "../delivery/message-log.ts";
import type { MessageQueue } from "../delivery/message-queue.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import type { WeatherCounts } from "../providers/weather/counted.ts";
import type { Registry } from "../session/registry.ts";
import type { Events } from "./events.ts";
import type { LoopLag } from "./loop-lag.ts";

/** Where the figures are read from. */
export interface MetricSources {
  readonly registry: Registry;
  readonly events: Events;
  readonly dispatcher: Dispatcher;
  readonly messageLog: MessageLog;
  readonly queue: MessageQueue;
  readonly weather: WeatherCounts;
  readonly loopLag: LoopLag;
  readonly broker: Broker;
  isDraining(): boolean;
}

/** A value for every combination of labels, whose values stand in the order in which the metric names them. */
export type Rows<Value> = Iterable<readonly [labels: readonly string[], value: Value]>;

/** What a histogram is read from. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  /** How many were within `bound`. */
  within(bound: number): number;
}

interface Described {
  readonly name: string;
  /** One sentence, for the reference and for whoever looks at `/metrics`. */
  readonly help: string;
  readonly labels?: readonly string[];
}

interface Scalar extends Described {
  readonly type: "counter" | "gauge";
  /** What fails leaves this metric out of a scrape, and the others in. */
  read(sources: MetricSources): number | Rows<number> | Promise<number | Rows<number>>;
}

interface Bucketed extends Described {
  readonly type: "histogram";
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  read(sources: MetricSources): Rows<Distribution>;
}

/** A metric: what it is called, what it says, and where it is read. */
export type MetricSpec = Scalar | Bucketed;
