import type { Command } from "commander";
import { requireToken } from "../api.ts";
import { count } from "../arguments.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand } from "../program.ts";

interface BenchOptions extends OutputOptions {
  readonly connections: number;
  readonly pings: number;
}

/** `lty bench` */
export function benchCommand(program: Command): void {
  addCommand(
    program,
    "bench",
    "Put a small load on a server (LTY_URL, a user's LTY_TOKEN)",
    "lty bench --connections 20 --pings 10",
  )
    .option("--connections <n>", "so many connections at once, 1 to 1,000", count(1_000), 20)
    .option("--pings <n>", "so many pings on each, one after another, 1 to 100,000", count(100_000), 10)
    .action(bench);
}

async function bench({ connections, pings, ...options }: BenchOptions): Promise<void> {
  const { config, token } = requireToken();
  // Loaded here, so that the other commands start without it.
  const { putLoad } = await import("./bench/load.ts");
  const found = await putLoad({ url: config.url, token, connections, pings });
  show(options, found, () => {
    const row = (what: string, figures: typeof found.ping_ms) => [what, ...Object.values(figures).map(String)];
    const figures = table(
      ["MILLISECONDS", "P50", "P95", "P99", "MAX"],
      [row("connect", found.connect_ms), row("ping", found.ping_ms)],
    );
    return `${figures}\n\n${found.pings} pings over ${connections} connections, ${found.pings_per_s} a second.`;
  });
}
