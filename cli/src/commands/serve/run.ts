import { Gateway } from "@qy-lty/server";
import { createBroker } from "@qy-lty/server/broker/create.ts";
import { loadConfig } from "@qy-lty/server/config/load.ts";
import { createLogger } from "@qy-lty/server/observe/log.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import { openStore } from "@qy-lty/server/store/open.ts";
import { BunTransport } from "@qy-lty/server/transport/bun.ts";
import { Failure } from "../../exit.ts";
import { type OutputOptions, show } from "../../output.ts";
import { welcome, welcomeData } from "./banner.ts";
import { prepareDemo } from "./demo.ts";
import { explainListenError } from "./listen-error.ts";
import { type StopRequest, stopRequest } from "./stop-request.ts";
import { serveByWorkers } from "./workers.ts";

/** A drain that takes longer hangs; orchestrators kill after 30 s, people sooner. Milliseconds. */
const DRAIN_DEADLINE_MS = 14_000;

/** Flags of `lty serve`; what they name is checked already. */
export interface ServeOptions extends OutputOptions {
  readonly demo?: boolean;
  readonly host?: string;
  readonly port?: string;
  readonly workers?: number;
  /** One of several on one port. */
  readonly worker?: boolean;
}

/** Serves until it is asked to stop, then drains. @throws Failure when it cannot listen, or something unexpected ended it */
export async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig(process.env, { host: options.host, port: options.port });
  const log = createLogger(config.logLevel);
  const clock = new SystemClock();
  if (options.workers !== undefined && options.workers > 1) {
    await serveByWorkers({ ...options, count: options.workers, demo: options.demo ?? false, config, log, clock });
    return;
  }
  const store = await openStore(config.databaseUrl, clock, { serving: true });
  const broker = await createBroker(config, store, clock);
  const transport = new BunTransport({ reusePort: options.worker ?? false });
  const gateway = new Gateway({ config, store, transport, clock, log, ...(broker && { broker }) });
  // Before the start, so that a signal in the middle of it drains what has been started.
  const stop = Promise.race([stopRequest({ process, clock, log }), ...(options.worker ? [parentGone()] : [])]);
  try {
    const url = await gateway.start();
    // After it, so that the credentials are not lost with a port that was in use.
    const demo = options.demo ? await prepareDemo(store) : undefined;
    show(options, welcomeData(url, demo), () => welcome(url, demo));
  } catch (error) {
    await gateway.stop();
    throw await explainListenError(error, config);
  }
  const { reason, crashed } = await stop;
  await drain(gateway, reason);
  if (crashed) throw new Failure("stopped by an unexpected error; the log tells more");
}

/** Whoever started this worker holds its stdin open as long as they live. */
async function parentGone(): Promise<StopRequest> {
  for await (const _ of process.stdin);
  return { reason: "the end of its parent", crashed: false };
}

async function drain(gateway: Gateway, reason: string): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Failure("the server did not stop in time")), DRAIN_DEADLINE_MS);
  await Promise.race([gateway.drain(reason), late]);
  clearTimeout(timer);
}
