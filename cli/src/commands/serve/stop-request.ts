import type { Logger } from "@qy-lty/server/observe/log.ts";
import type { Clock } from "@qy-lty/server/platform/clock.ts";

/** npm passes the terminal's Ctrl-C on, so that one key press arrives twice: a repeat within this is the same one. Milliseconds. */
const SAME_PRESS_MS = 1_000;
/** What a shell reports of a program that the signal ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Why the server stops. */
export interface StopRequest {
  readonly reason: string;
  /** Something was thrown that nobody caught: the server cannot vouch for its state. */
  readonly crashed: boolean;
}

interface Surroundings {
  readonly process: Pick<NodeJS.Process, "on" | "exit">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Pick<Logger, "fatal">;
}

/** Resolves at the first reason to stop. Whoever signals again later than a second after it wants no more waiting: exit. */
export function stopRequest({ process, clock, log }: Surroundings): Promise<StopRequest> {
  const { promise, resolve } = Promise.withResolvers<StopRequest>();
  let signalledAt: number | undefined;

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (signalledAt === undefined) {
        signalledAt = clock.monotonic();
        resolve({ reason: signal, crashed: false });
      } else if (clock.monotonic() - signalledAt > SAME_PRESS_MS) {
        process.exit(EXIT_CODES[signal]);
      }
    });
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      resolve({ reason: event, crashed: true });
    });
  }
  return promise;
}
