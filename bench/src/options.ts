import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { SCENARIOS } from "./scenarios/index.ts";
import type { Scale, Scenario } from "./scenarios/scenario.ts";
import { SERVER_NAMES, type ServerName } from "./servers.ts";

/** A mistake in the command line; its message is for the user. */
export class UsageError extends Error {}

/** What a run is asked to do. */
export interface Options {
  readonly help: boolean;
  readonly rounds: number;
  readonly scale: Scale;
  readonly scenarios: readonly Scenario[];
  readonly servers: readonly ServerName[];
  readonly base: string | undefined;
  /** A commit that is built beside and takes part as `base`. */
  readonly against: string | undefined;
  readonly calibrate: boolean;
  readonly profile: boolean;
  readonly json: string | undefined;
  readonly save: string | undefined;
}

export const HELP = `npm run bench -- [options]

Runs our server beside its peers and says whether the goals hold. About 35 minutes; keep the machine otherwise idle.

  --rounds N       rounds of each scenario (9)
  --seconds S      length of a measuring window (3)
  --quick          3 short rounds at a tenth of the size: a check that everything runs, not a measurement
  --only A,B       only these scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --servers A,B    only these servers (ours,bare,echo,socketio,redis)
  --base DIR       also another checkout of this repository, with its own npm ci, paired with ours
  --against COMMIT the same with a commit of this repository, which is checked out and installed beside it
  --calibrate      bare in the place of ours: the ratios ought to be 1, their intervals are this machine's noise
  --profile        no comparison: one profiled run of our server per scenario (default: ping)
  --json FILE      write everything, every round's values included, to FILE
  --save NAME      write bench/results/NAME.md and NAME.json
  --help           this text
`;

const FULL: Scale = { warmupS: 1, windowS: 3, many: 10_000, handshakeWarmup: 2_000, settleS: 20 };
const QUICK: Scale = { warmupS: 0.2, windowS: 0.5, many: 1_000, handshakeWarmup: 200, settleS: 0.5 };

/** Reads the command line. Throws {@link UsageError} with one line if it makes no sense. */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  const quick = values.quick ?? false;
  const scale = quick ? QUICK : FULL;
  const base = values.base === undefined ? undefined : resolve(values.base);
  if (base !== undefined && !existsSync(base)) throw new UsageError(`--base: there is no folder ${values.base}`);
  if (values.against !== undefined && base !== undefined) throw new UsageError("give one of --base and --against");
  if (values.against?.startsWith("-") || values.against === "") throw new UsageError("--against: expected a commit");
  if (values.save !== undefined && !/^\w[\w.-]*$/.test(values.save)) {
    throw new UsageError("--save: a name may hold letters, digits, '.', '-' and '_'");
  }
  const profile = values.profile ?? false;
  const selectable = SERVER_NAMES.filter((name) => name !== "base");
  const servers = choose("--servers", values.servers, selectable, String);
  return {
    help: values.help ?? false,
    rounds: number("--rounds", values.rounds ?? (quick ? "3" : "9"), 1, 1_000, true),
    scale: { ...scale, windowS: number("--seconds", values.seconds ?? String(scale.windowS), 0.1, 600) },
    scenarios: choose("--only", values.only ?? (profile ? "ping" : undefined), SCENARIOS, ({ name }) => name),
    servers: SERVER_NAMES.filter((name) =>
      name === "base" ? (base ?? values.against) !== undefined : servers.includes(name),
    ),
    base,
    against: values.against,
    calibrate: values.calibrate ?? false,
    profile,
    json: values.json,
    save: values.save,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        quick: { type: "boolean" },
        only: { type: "string" },
        servers: { type: "string" },
        base: { type: "string" },
        against: { type: "string" },
        calibrate: { type: "boolean" },
        profile: { type: "boolean" },
        json: { type: "string" },
        save: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function number(flag: string, text: string, min: number, max: number, whole = false): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(
      `${flag}: expected ${whole ? "a whole number" : "a number"} from ${min} to ${max}, got ${text}`,
    );
  }
  return value;
}

function choose<T>(
  flag: string,
  text: string | undefined,
  all: readonly T[],
  nameOf: (item: T) => string,
): readonly T[] {
  if (text === undefined) return all;
  const wanted = new Set(text.split(",").map((name) => name.trim()));
  for (const name of wanted) {
    if (!all.some((item) => nameOf(item) === name)) {
      throw new UsageError(
        `${flag}: there is no ${name || "empty name"}; expected some of ${all.map(nameOf).join(",")}`,
      );
    }
  }
  return all.filter((item) => wanted.has(nameOf(item)));
}
