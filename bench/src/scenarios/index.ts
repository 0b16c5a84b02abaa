import { durable, durableFanout } from "./durable.ts";
import { fanout, fanout8 } from "./fanout.ts";
import { handshake } from "./handshake.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { ping } from "./ping.ts";
import { ping8 } from "./ping8.ts";
import { push } from "./push.ts";
import type { Scenario } from "./scenario.ts";

/** Every scenario, in the order in which they run and are shown. A new one is a file and a line here. */
export const SCENARIOS: readonly Scenario[] = [
  ping,
  ping8,
  fanout,
  fanout8,
  push,
  durable,
  durableFanout,
  handshake,
  idle,
  latency,
];
