import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { GatewayProcess } from "../support/gateway-process.ts";
import { describeStall, longer, NO_STALL, type Stall } from "../support/loop-watch.ts";
import { SENTINEL, Wire } from "../support/wire.ts";
import { type Burst, burst } from "./frames.ts";
import { PERSONAS } from "./personas.ts";
import { Random } from "./random.ts";

/** Connections at a time. */
const WORKERS = 32;
const HOLDERS = 8;
/** Bursts a connection lives for, at most. */
const MOST_BURSTS = 12;
/** How long an answer may take, milliseconds: the refusal of a token that was refused before is held for 30 s. */
const PATIENCE_MS = 45_000;
/** After so many frames everything has been used once; from here on, memory is compared. */
export const WARM_AFTER = 20_000;

/** What came of so many frames. */
export interface FuzzOutcome {
  readonly frames: number;
  readonly connections: number;
  /** After a collection, when `WARM_AFTER` frames had been sent, and at the end, bytes. */
  readonly warmRss: number;
  readonly lastRss: number;
  readonly stall: Stall;
  /** How often each kind of answer came. */
  readonly answers: Readonly<Record<string, number>>;
  /** Errors in the gateway's log, and answers that say `INTERNAL_ERROR`. */
  readonly errors: readonly string[];
}

export interface FuzzOptions {
  readonly frames: number;
  readonly seed: number;
  /** Told how far it is, now and then. */
  readonly progress?: (line: string) => void;
}

/** Sends mutated frames to a gateway of its own; what is sent depends on the seed alone. */
export async function fuzz({ frames, seed, progress }: FuzzOptions): Promise<FuzzOutcome> {
  await using gateway = await GatewayProcess.start({ LTY_RATE_LIMIT_MESSAGES: "0" }, HOLDERS);
  const workers = Array.from(
    { length: WORKERS },
    (_, index) => new Worker(gateway, new Random(seed * WORKERS + index)),
  );
  const sent = () => workers.reduce((sum, worker) => sum + worker.frames, 0);
  let stall = NO_STALL;
  let warmRss = 0;
  for (;;) {
    const quota = Math.ceil(Math.min(WARM_AFTER, frames - sent()) / WORKERS);
    await Promise.all(workers.map((worker) => worker.send(quota)));
    const measure = await gateway.measure();
    stall = longer(stall, measure.stall);
    const { rssBytes, heapBytes, errors } = measure;
    progress?.(
      `${sent()} frames: ${megabytes(rssBytes)} resident, ${megabytes(heapBytes)} heap, stall ${describeStall(measure.stall)}`,
    );
    if (warmRss === 0) warmRss = rssBytes;
    if (sent() < frames && errors.length === 0) continue;
    const connections = workers.reduce((sum, worker) => sum + worker.connections, 0);
    const said = workers.flatMap(({ internalErrors }) => internalErrors);
    const memory = { warmRss, lastRss: rssBytes };
    const answers = sums(workers.map((worker) => worker.answers));
    return { frames: sent(), connections, ...memory, stall, answers, errors: [...errors, ...said] };
  }
}

function sums(counts: readonly ReadonlyMap<string, number>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((map) => [...map])) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** `12.3 MB` */
export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** One connection after another, each for a few bursts. */
class Worker {
  frames = 0;
  connections = 0;
  readonly internalErrors: string[] = [];
  readonly answers = new Map<string, number>();

  constructor(
    private readonly gateway: GatewayProcess,
    private readonly random: Random,
  ) {}

  /** Sends so many frames more, or a few beyond. */
  async send(quota: number): Promise<void> {
    const until = this.frames + quota;
    while (this.frames < until) await this.#connect(until);
  }

  async #connect(until: number): Promise<void> {
    const { gateway, random } = this;
    this.connections += 1;
    using wire = new Wire(gateway.port);
    wire.write(random.pick(PERSONAS)(random.pick(gateway.holders), random, gateway.port));
    if (!(await wire.head(PATIENCE_MS)).startsWith("HTTP/1.1 101 ")) throw new Error("the upgrade failed");
    for (let left = 1 + random.below(MOST_BURSTS); left > 0 && this.frames < until; left--) {
      if (!(await this.#exchange(wire, burst(random)))) return;
    }
  }

  /** Sends a burst and reads all that comes of it; answers whether the connection goes on. */
  async #exchange(wire: Wire, { bytes, frames, damaged }: Burst): Promise<boolean> {
    this.frames += frames;
    wire.write(bytes);
    if (damaged) wire.finish();
    else wire.write(encodeFrame(Opcode.ping, SENTINEL));
    for (;;) {
      const frame = await wire.frameOrEnd(PATIENCE_MS);
      if (frame === undefined) return false;
      const { opcode, payload } = frame;
      if (opcode === Opcode.pong && payload.toString() === SENTINEL) return true;
      if (opcode === Opcode.text) this.#judge(payload.toString(), bytes);
      if (opcode === Opcode.close) this.#judgeClose(payload.length >= 2 ? payload.readUInt16BE(0) : 1005, bytes);
    }
  }

  /** Every text of the server's is JSON, of a type, and no bug of its own. */
  #judge(text: string, sent: Buffer): void {
    const { type, code } = JSON.parse(text) as { readonly type?: unknown; readonly code?: unknown };
    this.#count(String(code ?? type));
    if (typeof type !== "string" || code === "INTERNAL_ERROR") this.#blame(text, sent);
  }

  /** 1011 and 4000 are internal errors. */
  #judgeClose(code: number, sent: Buffer): void {
    this.#count(`close ${code}`);
    if (code === 1011 || code === 4000) this.#blame(`close ${code}`, sent);
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  #blame(what: string, sent: Buffer): void {
    this.internalErrors.push(`${what} after ${sent.toString("base64")}`);
  }
}
