/** The conformance driver of this client: operations come on standard input, answers and events go to standard output. See tests/conformance/clients/README.md. */
import { createInterface } from "node:readline";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { systemClock } from "../src/clock.ts";
import { LtyClient, type PushedFrame } from "../src/index.ts";

interface Behaviour {
  readonly kind: "ok" | "slow" | "hold" | "throw" | "leave" | "break";
  readonly ms?: number;
  readonly times?: number;
  readonly after?: number;
}

interface Options {
  readonly url: string;
  readonly token?: string;
  readonly tokens?: readonly string[];
  readonly role?: "app" | "device";
  readonly device?: number;
  readonly client_id?: string;
  readonly caps?: readonly string[];
  readonly storage?: Readonly<Record<string, string>>;
  readonly clock?: "manual" | "system";
}

interface Operation {
  readonly id: number;
  readonly op: string;
  readonly options?: Options;
  readonly type?: string;
  readonly message?: unknown;
  readonly behaviour?: Behaviour;
  readonly timeout_ms?: number;
  readonly request?: number;
  readonly ms?: number;
}

/** Time passes in slices, so that what a timer causes has happened before the next is due. */
const SLICE_MS = 250;

const manual = new ManualClock();
const stored = new Map<string, string>();
const aborts = new Map<number, AbortController>();
const held = new Set<() => void>();
let client: LtyClient;
let isManual = true;

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void (isManual ? manual : systemClock).after(ms, resolve));
}

function create(options: Options): void {
  for (const [key, text] of Object.entries(options.storage ?? {})) stored.set(key, text);
  isManual = options.clock !== "system";
  const tokens = [...(options.tokens ?? [])];
  client = new LtyClient({
    url: options.url,
    ...(options.token === undefined
      ? { getToken: () => (tokens.length > 1 ? tokens.shift() : tokens[0]) ?? "" }
      : { token: options.token }),
    ...(options.role !== undefined && { role: options.role }),
    ...(options.device !== undefined && { device: options.device }),
    ...(options.client_id !== undefined && { clientId: options.client_id }),
    ...(options.caps !== undefined && { caps: options.caps }),
    ...(isManual && { clock: manual }),
    storage: { getItem: (key) => stored.get(key), setItem: (key, text) => stored.set(key, text) },
  });
  client.onState((state) => {
    if (state.state === "waiting") say({ event: "state", state: state.state, delay_ms: state.delayMs });
    else if (state.state === "closed") say({ event: "state", state: state.state, code: state.error?.code ?? null });
    else say({ event: "state", state: state.state });
  });
  client.onError(({ code, message }) => say({ event: "error", code, message }));
  client.on("reset", ({ epoch, lost }) => say({ event: "reset", epoch, lost }));
  client.on("skip", ({ seq, reason }) => say({ event: "skip", seq, reason }));
}

function begins({ type, message_id, seq, message, redelivered }: PushedFrame): void {
  const more = { seq: seq ?? null, message: message ?? null, redelivered: redelivered ?? null };
  say({ event: "message", type, message_id, ...more });
}

function handler(behaviour: Behaviour): (frame: PushedFrame) => Promise<void> {
  let thrown = 0;
  return async (frame) => {
    begins(frame);
    if (behaviour.kind === "slow") await sleep(behaviour.ms ?? 0);
    if (behaviour.kind === "hold") {
      await new Promise<void>((resolve) => held.add(resolve));
    }
    if (behaviour.kind === "throw" && thrown < (behaviour.times ?? 1)) {
      thrown += 1;
      say({ event: "failed", message_id: frame.message_id });
      throw new Error("thrown as asked");
    }
    say({ event: "handled", message_id: frame.message_id });
  };
}

async function loop(behaviour: Behaviour): Promise<void> {
  const handle = handler(behaviour);
  let turns = 0;
  for await (const frame of client.messages()) {
    turns += 1;
    if (turns !== behaviour.after) {
      await handle(frame);
      continue;
    }
    begins(frame);
    if (behaviour.kind === "leave") throw new Error("left as asked");
    break;
  }
}

async function advance(ms: number): Promise<void> {
  for (let rest = ms; rest > 0; rest -= SLICE_MS) {
    manual.advance(Math.min(rest, SLICE_MS));
    await settled();
  }
}

async function perform({
  id,
  op,
  options,
  type = "",
  message,
  behaviour = { kind: "ok" },
  ...more
}: Operation): Promise<unknown> {
  switch (op) {
    case "create":
      return options && create(options);
    case "connect":
      return client.connect();
    case "close":
      return client.close();
    case "on":
      return void client.on(type, handler(behaviour));
    case "messages":
      return loop(behaviour);
    case "request": {
      const abort = new AbortController();
      aborts.set(id, abort);
      return client.request(type, message, {
        signal: abort.signal,
        ...(more.timeout_ms !== undefined && { timeoutMs: more.timeout_ms }),
      });
    }
    case "abort":
      return aborts.get(more.request ?? 0)?.abort();
    case "release":
      for (const resolve of held) resolve();
      return held.clear();
    case "advance":
      return advance(more.ms ?? 0);
    case "storage":
      return Object.fromEntries(stored);
    default:
      throw new Error(`no operation ${op}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const operation = JSON.parse(line) as Operation;
  const { id } = operation;
  perform(operation).then(
    (value) => say({ reply: id, ...(value !== undefined && { value }) }),
    (error: Error & { readonly code?: unknown }) =>
      say({ reply: id, error: { name: error.name, code: error.code ?? null, message: error.message } }),
  );
}
process.exit(0);
