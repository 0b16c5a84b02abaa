import { type Command, Option } from "commander";
import { settingFlag, workerCount } from "../arguments.ts";
import { addCommand } from "../program.ts";
import type { ServeOptions } from "./serve/run.ts";

/** `lty serve` */
export function serveCommand(program: Command): void {
  addCommand(program, "serve", "Run the gateway until Ctrl-C or SIGTERM", "lty serve --host 0.0.0.0 --port 9000")
    .option("--demo", "on an empty database, create an admin, a user, a device and an app, and show their tokens")
    .option("--host <host>", "address to listen on, before LTY_HOST", settingFlag("host"))
    .option("--port <port>", "port to listen on, before LTY_PORT; 0 picks a free one", settingFlag("port"))
    .option("--workers <n>", "serve by so many processes; more than one needs PostgreSQL and Redis", workerCount)
    .addOption(new Option("--worker", "one of several, started by another").hideHelp())
    .action(async (options: ServeOptions) => {
      // Loaded here, so that the other commands start without the gateway.
      const { serve } = await import("./serve/run.ts");
      await serve(options);
    });
}
