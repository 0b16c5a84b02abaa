import { Mailbox } from "@qy-lty/testkit";
import { cleanEnvironment, ROOT } from "../../../e2e/support/command.ts";
import { within } from "../../../e2e/support/wait.ts";
import type { DriverRow } from "./drivers.ts";

/** How a handler behaves. */
export type Behaviour =
  | { readonly kind: "ok" | "hold" }
  | { readonly kind: "slow"; readonly ms: number }
  | { readonly kind: "throw"; readonly times: number }
  | { readonly kind: "leave" | "break"; readonly after: number };

export interface CreateOptions {
  readonly url: string;
  readonly token?: string;
  readonly tokens?: readonly string[];
  readonly role?: string;
  readonly device?: number;
  readonly client_id?: string;
  readonly caps?: readonly string[];
  readonly storage?: Readonly<Record<string, string>>;
  readonly clock?: "manual" | "system";
}

/** What the driver tells unasked. */
export interface DriverEvent {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** The error that an operation was answered with. */
export class DriverError extends Error {
  constructor(
    readonly kind: string,
    readonly code: string | number | null,
    message: string,
  ) {
    super(`${kind} ${code}: ${message}`);
  }
}

interface Reply {
  readonly reply: number;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly code: string | number | null; readonly message: string };
}

const PATIENCE_MS = 30_000;
const HANDLING = new Set(["message", "handled", "failed"]);

/** A client in a process of its own, as README.md beside this folder says. */
export class Driver implements AsyncDisposable {
  /** Everything told so far, in order. */
  readonly events: readonly DriverEvent[];
  /** What was written to standard error. */
  stderr = "";
  /** Called with each event, as it comes. */
  heard: ((event: DriverEvent) => void) | undefined;
  readonly #mailbox = new Mailbox<DriverEvent>();
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  #lastId = 0;

  private constructor(command: readonly string[], environment: Readonly<Record<string, string>>) {
    this.events = this.#mailbox.all;
    this.#child = Bun.spawn([...command], {
      cwd: ROOT,
      env: cleanEnvironment({ PYTHONUNBUFFERED: "1", NO_PROXY: "127.0.0.1", ...environment }),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    void this.#read();
    void this.#child.stderr.text().then((text) => {
      this.stderr = text;
    });
    void this.#child.exited.then((code) => this.#end(new Error(`the driver exited with ${code}: ${this.stderr}`)));
  }

  /** Starts the driver and makes its client. */
  static async start(row: DriverRow, options: CreateOptions): Promise<Driver> {
    const driver = new Driver(await row.command(), row.environment ?? {});
    await driver.do("create", { options });
    return driver;
  }

  /** Starts, with a handler of every message of type `note`, and connects to whoever greets it. */
  static async connected(
    row: DriverRow,
    options: CreateOptions,
    greet: () => Promise<unknown>,
    behaviour: Behaviour = { kind: "ok" },
  ): Promise<Driver> {
    const driver = await Driver.start(row, options);
    await driver.on("note", behaviour);
    const connected = driver.connect();
    await Promise.all([within(greet(), "the client", PATIENCE_MS), connected]);
    return driver;
  }

  /** Does one operation. @throws DriverError when the client does */
  do(op: string, more: object = {}, ms = PATIENCE_MS): Promise<unknown> {
    return within(this.begin(op, more).answer, `the answer to ${op}`, ms);
  }

  /** Begins an operation without waiting for its answer. */
  begin(op: string, more: object = {}): { readonly id: number; readonly answer: Promise<unknown> } {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    // Who does not look at the answer is not to fall over it.
    waiting.promise.catch(() => {});
    this.#child.stdin.write(`${JSON.stringify({ id, op, ...more })}\n`);
    this.#child.stdin.flush();
    return { id, answer: waiting.promise };
  }

  connect(): Promise<unknown> {
    return this.do("connect");
  }

  on(type: string, behaviour: Behaviour): Promise<unknown> {
    return this.do("on", { type, behaviour });
  }

  advance(ms: number): Promise<unknown> {
    return this.do("advance", { ms });
  }

  async storage(): Promise<Record<string, string>> {
    return (await this.do("storage")) as Record<string, string>;
  }

  /** The next event with those members; those before it are passed over. */
  next(wanted: DriverEvent): Promise<DriverEvent> {
    const fits = (event: DriverEvent) =>
      Object.entries(wanted).every(([name, value]) => Bun.deepEquals(event[name], value));
    return within(this.#mailbox.nextWhere(fits), `the event ${JSON.stringify(wanted)}`, PATIENCE_MS).catch(
      (error: Error) => {
        const seen = this.events.slice(-8).map((event) => JSON.stringify(event));
        throw new Error(`${error.message}; last were ${seen.join(" ")}`);
      },
    );
  }

  /** What handlers did so far: `message m1`, `handled m1`, …. */
  get handling(): readonly string[] {
    return this.events
      .filter(({ event }) => HANDLING.has(event))
      .map(({ event, message_id }) => `${event} ${message_id}`);
  }

  /** As `handling`, with all that went before an acknowledgement: which may overtake it on its way here. */
  async handled(): Promise<readonly string[]> {
    // Its answer comes behind the events.
    await this.storage();
    return this.handling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as DriverEvent | Reply);
    }
  }

  #take(line: DriverEvent | Reply): void {
    if (!("reply" in line)) {
      this.#mailbox.push(line as DriverEvent);
      this.heard?.(line as DriverEvent);
      return;
    }
    const { reply, value, error } = line as Reply;
    const waiting = this.#waiting.get(reply);
    this.#waiting.delete(reply);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new DriverError(error.name, error.code, error.message));
  }

  #end(error: Error): void {
    this.#mailbox.end(error);
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}
